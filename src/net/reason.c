// Why a connection or a handshake failed, in a few words. Owns nothing.
// SPDX-License-Identifier: Apache-2.0
#include "net/reason.h"

#include <errno.h>

const char *rm_reason_of_errno(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "connection refused";
    case ECONNRESET:
        return "connection reset";
    case EHOSTUNREACH:
        return "no route to the host";
    case ENETUNREACH:
        return "network unreachable";
    case ETIMEDOUT:
        return "connect timeout";
    case EACCES:
    case EPERM:
        return "connection not permitted";
    case EADDRNOTAVAIL:
        return "no local port left";
    default:
        return "no connection";
    }
}

// The numbers are part of OpenSSL's ABI (x509_vfy.h, the same since 1.0): named here so that its headers are not needed.
const char *rm_reason_of_verify(long result)
{
    switch (result) {
    case 0: // the chain is fine, or libcurl never came to say so: then it was the name
    case 1:
        return "certificate is for another name";
    case 2:
    case 20:
    case 21:
        return "certificate of an unknown authority";
    case 7:
        return "certificate has a bad signature";
    case 9:
        return "certificate is not valid yet";
    case 10:
        return "certificate has expired";
    case 18:
        return "certificate is self-signed";
    case 19:
        return "self-signed certificate in the chain";
    case 22:
        return "certificate chain is too long";
    case 23:
        return "certificate is revoked";
    case 24:
    case 79:
        return "certificate of something that is no authority";
    case 26:
        return "certificate is for another purpose";
    case 62:
    case 64:
        return "certificate is for another name";
    case 66:
    case 67:
    case 68:
        return "certificate is too weak";
    default:
        return "certificate is not trusted";
    }
}
