// TLS towards clients, by OpenSSL, which libcurl has brought along. Owns the contexts; a renewed certificate is a new context, and the
// old one lives as long as its sessions. The only file with OpenSSL's headers.
// SPDX-License-Identifier: Apache-2.0
#include "front/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <time.h>

#define TLS_SYSTEM_STORE "/etc/ssl/certs/ca-certificates.crt" // Debian's, as net/trust.c's libcurl has it
#define TLS_SECURITY 2                                        // no RSA below 2048 bits, no SHA-1 (SSL_CTX_set_security_level)

struct rm_tls {
    struct rm_arena arena;
    atomic_uint refs;
    SSL_CTX *context; // of all sessions
    SSL_CTX **pairs;  // each holds one certificate with its chain and key; `context` has the first, too
    size_t n_pairs;
};

// ---- errors ----------------------------------------------------------------------------------------------------------

static const char *tls_reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    return reason ? reason : "unknown";
}

// What OpenSSL has said about a file.
static int tls_fail(struct rm_err *err, const char *what, const char *file)
{
    rm_fail(err, RM_ECONF, "%s %.120s: %s", what, file, tls_reason());
    ERR_clear_error();
    return RM_ECONF;
}

// ---- certificates ----------------------------------------------------------------------------------------------------

// A key with a password: nobody is there to type it.
static int tls_no_password(char *to, int n, int writing, void *arg)
{
    (void)to;
    (void)n;
    (void)writing;
    (void)arg;
    return -1;
}

static int tls_use_pair(SSL_CTX *context, const char *certificate, const char *key, struct rm_err *err)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(context, tls_no_password);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return tls_fail(err, "certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        if (ERR_GET_REASON(ERR_peek_error()) != X509_R_KEY_VALUES_MISMATCH &&
            ERR_GET_REASON(ERR_peek_error()) != X509_R_KEY_TYPE_MISMATCH)
            return tls_fail(err, "key", key);
        ERR_clear_error();
        return rm_fail(err, RM_ECONF, "key %.80s: does not belong to the certificate %.80s", key, certificate);
    }
    return RM_OK;
}

static int64_t tls_time(const ASN1_TIME *at)
{
    struct tm tm;
    return ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int rm_tls_check_pair(const char *certificate, const char *key, struct rm_err *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (!context)
        return rm_fail(err, RM_ESYS, "OpenSSL: %s", tls_reason());
    SSL_CTX_set_security_level(context, TLS_SECURITY);
    int code = tls_use_pair(context, certificate, key, err);
    if (code == RM_OK) {
        const X509 *x509 = SSL_CTX_get0_certificate(context);
        int64_t from = tls_time(X509_get0_notBefore(x509)), to = tls_time(X509_get0_notAfter(x509)), now = time(NULL);
        char day[32];
        time_t over = to;
        struct tm tm;
        strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", gmtime_r(&over, &tm));
        if (now > to)
            code = rm_fail(err, RM_ETLS, "certificate %.120s: has expired at %s", certificate, day);
        else if (now < from)
            code = rm_fail(err, RM_ETLS, "certificate %.120s: is not valid yet", certificate);
        else if (to - now < (to - from) / 10)
            code = rm_fail(err, RM_ETLS, "certificate %.120s: expires soon, at %s", certificate, day);
    }
    SSL_CTX_free(context);
    return code;
}

// As in Go: the first that has the name and that the client can verify, else the first.
static int tls_choose(SSL *session, void *arg)
{
    const struct rm_tls *tls = arg;
    const char *name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    for (size_t i = 0; i < tls->n_pairs; i++) {
        X509 *x509 = SSL_CTX_get0_certificate(tls->pairs[i]);
        EVP_PKEY *key = SSL_CTX_get0_privatekey(tls->pairs[i]);
        STACK_OF(X509) *chain = NULL;
        SSL_CTX_get0_chain_certs(tls->pairs[i], &chain);
        if ((!name || X509_check_host(x509, name, 0, 0, NULL) == 1) &&
            (SSL_check_chain(session, x509, key, chain) & CERT_PKEY_VALID))
            return SSL_use_cert_and_key(session, x509, key, chain, 1);
    }
    return 1;
}

static int tls_open_pairs(struct rm_tls *tls, const struct rm_conf_server_tls *conf, struct rm_err *err)
{
    tls->pairs = RM_NEW_ARRAY(&tls->arena, SSL_CTX *, conf->n_keys);
    for (size_t i = 0; i < conf->n_keys; i++) {
        const char *certificate = rm_arena_cstr(&tls->arena, conf->keys[i].certificate);
        const char *key = rm_arena_cstr(&tls->arena, conf->keys[i].key);
        tls->pairs[i] = SSL_CTX_new(TLS_server_method());
        if (!tls->pairs[i])
            return rm_fail(err, RM_ESYS, "OpenSSL: %s", tls_reason());
        tls->n_pairs++;
        SSL_CTX_set_security_level(tls->pairs[i], TLS_SECURITY);
        int code = tls_use_pair(tls->pairs[i], certificate, key, err);
        if (code == RM_OK && i == 0)
            code = tls_use_pair(tls->context, certificate, key, err);
        if (code != RM_OK)
            return code;
    }
    if (tls->n_pairs > 1)
        SSL_CTX_set_cert_cb(tls->context, tls_choose, tls);
    return RM_OK;
}

int64_t rm_tls_not_after(const struct rm_tls *tls)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < tls->n_pairs; i++) {
        int64_t at = tls_time(X509_get0_notAfter(SSL_CTX_get0_certificate(tls->pairs[i])));
        least = at < least ? at : least;
    }
    return least;
}

// ---- clients' certificates -------------------------------------------------------------------------------------------

// Without a certificate that one of these authorities has signed for clients the handshake fails. Each connection proves it anew: no
// session is resumed.
static int tls_verify_clients(struct rm_tls *tls, const struct rm_conf_server_tls *conf, struct rm_err *err)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null(); // told to clients, so that they can choose
    int code = names ? RM_OK : rm_fail(err, RM_ESYS, "OpenSSL: %s", tls_reason());
    for (size_t i = 0; code == RM_OK && i < conf->ca_certs.n; i++) {
        const char *file = rm_arena_cstr(&tls->arena, conf->ca_certs.v[i]);
        if (SSL_CTX_load_verify_file(tls->context, file) != 1 || SSL_add_file_cert_subjects_to_stack(names, file) != 1)
            code = tls_fail(err, "CA file", file);
    }
    if (code == RM_OK && !conf->no_system_ca && SSL_CTX_load_verify_file(tls->context, TLS_SYSTEM_STORE) != 1)
        code = tls_fail(err, "CA file of the system", TLS_SYSTEM_STORE);
    if (code != RM_OK) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return code;
    }
    SSL_CTX_set_client_CA_list(tls->context, names); // its own now
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_options(tls->context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(tls->context, 0);
    return RM_OK;
}

// ---- the context -----------------------------------------------------------------------------------------------------

static int tls_alpn(SSL *session, const unsigned char **out, unsigned char *out_n, const unsigned char *offered,
                    unsigned n, void *arg)
{
    static const unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char *chosen;
    (void)session;
    (void)arg;
    int found = SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours), offered, n);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL; // RFC 7301 3.2
}

static int tls_set_rules(SSL_CTX *context, const struct rm_conf_server_tls *conf, struct rm_err *err)
{
    static const int versions[] = {[RM_CONF_TLS12] = TLS1_2_VERSION, [RM_CONF_TLS13] = TLS1_3_VERSION};
    SSL_CTX_set_security_level(context, TLS_SECURITY);
    // What the machine's openssl.cnf says does not count.
    if (SSL_CTX_set_min_proto_version(context, versions[conf->min_version]) != 1 ||
        SSL_CTX_set_max_proto_version(context, versions[conf->max_version]) != 1 ||
        SSL_CTX_set_cipher_list(context, conf->ciphers12) != 1 ||
        SSL_CTX_set_ciphersuites(context, conf->ciphers13) != 1 || SSL_CTX_set1_groups_list(context, conf->groups) != 1)
        return rm_fail(err, RM_ECONF, "tls: %s", tls_reason());
    SSL_CTX_clear_options(context, SSL_OP_ALLOW_NO_DHE_KEX | SSL_OP_LEGACY_SERVER_CONNECT);
    // A client that ends without close_notify is gone, and no fatal alert's worth: a request says itself where it ends.
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);                               // one recv() a record
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);      // tickets alone: workers share no table
    static const unsigned char id[] = "remora";
    SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_max_early_data(context, 0); // a request that can be replayed (RFC 8470)
    SSL_CTX_set_alpn_select_cb(context, tls_alpn, NULL);
    return RM_OK;
}

int rm_tls_new(struct rm_tls **out, const struct rm_conf_server_tls *conf, struct rm_err *err)
{
    struct rm_arena arena;
    rm_arena_init(&arena, NULL);
    struct rm_tls *tls = RM_NEW(&arena, struct rm_tls);
    tls->arena = arena;
    atomic_init(&tls->refs, 1);
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_server_method());
    int code = tls->context ? tls_set_rules(tls->context, conf, err)
                            : rm_fail(err, RM_ESYS, "OpenSSL: %s", tls_reason());
    if (code == RM_OK)
        code = tls_open_pairs(tls, conf, err);
    if (code == RM_OK && conf->enable_mtls)
        code = tls_verify_clients(tls, conf, err);
    if (code == RM_OK)
        *out = tls;
    else
        rm_tls_unref(tls);
    return code;
}

struct rm_tls *rm_tls_ref(struct rm_tls *tls)
{
    atomic_fetch_add(&tls->refs, 1);
    return tls;
}

void rm_tls_unref(struct rm_tls *tls)
{
    if (!tls || atomic_fetch_sub(&tls->refs, 1) > 1)
        return;
    for (size_t i = 0; i < tls->n_pairs; i++)
        SSL_CTX_free(tls->pairs[i]);
    SSL_CTX_free(tls->context);
    struct rm_arena arena = tls->arena; // tls lies in it
    rm_arena_fini(&arena);
}

// ---- sessions --------------------------------------------------------------------------------------------------------

struct ssl_st *rm_tls_open(struct rm_tls *tls, int fd)
{
    SSL *session = SSL_new(tls->context);
    if (!session)
        return NULL;
    if (SSL_set_fd(session, fd) != 1) {
        SSL_free(session);
        return NULL;
    }
    SSL_set_app_data(session, rm_tls_ref(tls));
    SSL_set_accept_state(session);
    return session;
}

void rm_tls_close(struct ssl_st *session)
{
    struct rm_tls *tls = SSL_get_app_data(session);
    SSL_free(session);
    rm_tls_unref(tls);
}

int rm_tls_handshake(struct ssl_st *session, struct rm_err *err)
{
    ERR_clear_error();
    int got = SSL_do_handshake(session);
    if (got == 1)
        return RM_OK;
    int why = SSL_get_error(session, got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return RM_AGAIN;
    if (why != SSL_ERROR_SSL)
        return rm_fail(err, RM_ERESET, "the client is gone");
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_HTTP_REQUEST)
        return rm_fail(err, RM_EPROTO, "plain HTTP");
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return rm_fail(err, RM_ETLS, "client certificate: %s",
                       X509_verify_cert_error_string(SSL_get_verify_result(session)));
    return rm_fail(err, RM_ETLS, "%s", tls_reason());
}

static int64_t tls_moved(struct ssl_st *session, int got)
{
    if (got > 0)
        return got;
    int why = SSL_get_error(session, got);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? RM_AGAIN : RM_ERESET;
}

int64_t rm_tls_read(struct ssl_st *session, char *to, size_t n)
{
    ERR_clear_error();
    return tls_moved(session, SSL_read(session, to, n > INT32_MAX ? INT32_MAX : (int)n));
}

int64_t rm_tls_write(struct ssl_st *session, const char *from, size_t n)
{
    ERR_clear_error();
    return tls_moved(session, SSL_write(session, from, n > INT32_MAX ? INT32_MAX : (int)n));
}

bool rm_tls_has_more(const struct ssl_st *session)
{
    return SSL_has_pending(session) == 1;
}

bool rm_tls_wants_write(const struct ssl_st *session)
{
    return SSL_want_write(session);
}

void rm_tls_say_end(struct ssl_st *session)
{
    ERR_clear_error();
    SSL_shutdown(session); // once: the client's own is not waited for
}
