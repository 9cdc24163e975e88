// Certificates by libcrypto, sessions by libssl. Owns the directory and all that was made in it.
// SPDX-License-Identifier: Apache-2.0
#include "certs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct cert {
    struct cert *next;
    X509 *x509;
    EVP_PKEY *key;
    char file[128], key_file[128];
};

struct tls {
    struct backend_tls ops; // first
    struct tls *next;
    SSL_CTX *ctx;
};

static char directory[64];
static char empty_file[128];
static struct cert *all_certs;
static struct tls *all_tls;
static int serial;
static char client_name[128], sni[128], alpn[128];
static unsigned resumed;

void certs_begin(void)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(directory, sizeof(directory), "%s/certs-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : P_tmpdir);
    RM_ASSERT(mkdtemp(directory));
    (void)snprintf(empty_file, sizeof(empty_file), "%s/empty.pem", directory);
    FILE *file = fopen(empty_file, "w");
    RM_ASSERT(file && fputs("nothing\n", file) >= 0 && fclose(file) == 0);
}

void certs_end(void)
{
    while (all_tls) {
        struct tls *tls = all_tls;
        all_tls = tls->next;
        SSL_CTX_free(tls->ctx);
        free(tls);
    }
    while (all_certs) {
        struct cert *cert = all_certs;
        all_certs = cert->next;
        (void)unlink(cert->file);
        (void)unlink(cert->key_file);
        X509_free(cert->x509);
        EVP_PKEY_free(cert->key);
        free(cert);
    }
    (void)unlink(empty_file);
    (void)rmdir(directory);
}

static void cert_extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    RM_ASSERT(extension && X509_add_ext(x509, extension, -1));
    X509_EXTENSION_free(extension);
}

struct cert *cert_new(const struct cert *issuer, const char *name, bool ca, int days)
{
    struct cert *cert = calloc(1, sizeof(*cert));
    RM_ASSERT(cert);
    cert->key = EVP_EC_gen("P-256");
    cert->x509 = X509_new();
    RM_ASSERT(cert->key && cert->x509);
    X509_set_version(cert->x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert->x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(cert->x509), -24 * 3600 * (days < 0 ? 30 : 1));
    X509_gmtime_adj(X509_getm_notAfter(cert->x509), 24L * 3600 * days);
    X509_set_pubkey(cert->x509, cert->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert->x509), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                               -1, 0);
    X509 *signer = issuer ? issuer->x509 : cert->x509;
    X509_set_issuer_name(cert->x509, X509_get_subject_name(signer));
    cert_extend(cert->x509, signer, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (ca) {
        cert_extend(cert->x509, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
        cert_extend(cert->x509, signer, NID_subject_key_identifier, "hash");
    } else {
        struct in6_addr address;
        char alternative[160];
        bool literal = inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
        (void)snprintf(alternative, sizeof(alternative), "%s:%s", literal ? "IP" : "DNS", name);
        cert_extend(cert->x509, signer, NID_subject_alt_name, alternative);
    }
    RM_ASSERT(X509_sign(cert->x509, issuer ? issuer->key : cert->key, EVP_sha256()));

    (void)snprintf(cert->file, sizeof(cert->file), "%s/cert%d.pem", directory, serial);
    (void)snprintf(cert->key_file, sizeof(cert->key_file), "%s/key%d.pem", directory, serial);
    FILE *file = fopen(cert->file, "w");
    RM_ASSERT(file && PEM_write_X509(file, cert->x509) && fclose(file) == 0);
    file = fopen(cert->key_file, "w");
    RM_ASSERT(file && PEM_write_PrivateKey(file, cert->key, NULL, NULL, 0, NULL, NULL) && fclose(file) == 0);
    cert->next = all_certs;
    all_certs = cert;
    return cert;
}

const char *cert_file(const struct cert *cert)
{
    return cert->file;
}

const char *cert_key_file(const struct cert *cert)
{
    return cert->key_file;
}

const char *certs_empty_file(void)
{
    return empty_file;
}

// ---- the backend's sessions --------------------------------------------------------------------------------------------

struct session {
    SSL *ssl;
    bool noted;
};

static void session_note(struct session *session)
{
    if (session->noted || !SSL_is_init_finished(session->ssl))
        return;
    session->noted = true;
    resumed += SSL_session_reused(session->ssl) ? 1 : 0;
    const char *name = SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
    (void)snprintf(sni, sizeof(sni), "%s", name ? name : "");
    X509 *peer = SSL_get1_peer_certificate(session->ssl);
    client_name[0] = '\0';
    if (peer && SSL_get_verify_result(session->ssl) == X509_V_OK)
        X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, client_name, sizeof(client_name));
    X509_free(peer);
}

static void *tls_accept(const struct backend_tls *ops, int fd)
{
    const struct tls *tls = (const struct tls *)ops;
    struct session *session = calloc(1, sizeof(*session));
    RM_ASSERT(session);
    session->ssl = SSL_new(tls->ctx);
    RM_ASSERT(session->ssl && SSL_set_fd(session->ssl, fd));
    SSL_set_accept_state(session->ssl);
    return session;
}

static int64_t tls_result(struct session *session, int rc, bool *again)
{
    session_note(session);
    *again = false;
    if (rc > 0)
        return rc;
    int error = SSL_get_error(session->ssl, rc);
    ERR_clear_error();
    *again = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

static int64_t tls_recv(void *arg, char *to, size_t n, bool *again)
{
    struct session *session = arg;
    return tls_result(session, SSL_read(session->ssl, to, (int)n), again);
}

static int64_t tls_send(void *arg, const char *p, size_t n, bool *again)
{
    struct session *session = arg;
    return tls_result(session, SSL_write(session->ssl, p, (int)n), again);
}

static void tls_free(void *arg, bool politely)
{
    struct session *session = arg;
    if (politely && session->noted)
        (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
    SSL_free(session->ssl);
    free(session);
}

static int tls_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                           unsigned in_n, void *arg)
{
    (void)ssl;
    (void)arg;
    size_t n = 0;
    for (unsigned i = 0; i < in_n; i += in[i] + 1U)
        n += (size_t)snprintf(alpn + n, sizeof(alpn) - n, "%s%.*s", n > 0 ? "," : "", in[i], in + i + 1);
    *out = in + 1;
    *out_n = in[0];
    return SSL_TLSEXT_ERR_OK;
}

const struct backend_tls *certs_tls(const struct cert *cert, const struct cert *client_ca, int version)
{
    static const int versions[] = {0, TLS1_2_VERSION, TLS1_3_VERSION};
    struct tls *tls = calloc(1, sizeof(*tls));
    RM_ASSERT(tls);
    tls->ops = (struct backend_tls){tls_accept, tls_recv, tls_send, tls_free};
    tls->ctx = SSL_CTX_new(TLS_server_method());
    RM_ASSERT(tls->ctx && SSL_CTX_use_certificate(tls->ctx, cert->x509) == 1 &&
              SSL_CTX_use_PrivateKey(tls->ctx, cert->key) == 1);
    if (version > 0) {
        SSL_CTX_set_min_proto_version(tls->ctx, versions[version - 11]);
        SSL_CTX_set_max_proto_version(tls->ctx, versions[version - 11]);
    }
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_id_context(tls->ctx, (const unsigned char *)"t", 1);
    SSL_CTX_set_alpn_select_cb(tls->ctx, tls_select_alpn, NULL);
    if (client_ca) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(tls->ctx), client_ca->x509);
        SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    tls->next = all_tls;
    all_tls = tls;
    client_name[0] = sni[0] = alpn[0] = '\0';
    resumed = 0;
    return &tls->ops;
}

const char *certs_client_name(void)
{
    return client_name;
}

const char *certs_sni(void)
{
    return sni;
}

const char *certs_alpn(void)
{
    return alpn;
}

unsigned certs_resumed(void)
{
    return resumed;
}
