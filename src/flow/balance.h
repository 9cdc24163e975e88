// A backend's balance: from the configuration to what the pool understands, and the key that a request hashes on.
// SPDX-License-Identifier: Apache-2.0
#ifndef FLOW_BALANCE_H
#define FLOW_BALANCE_H

#include "conf/conf.h"
#include "flow/request.h"
#include "pool/balance.h"

void rm_balance_of(const struct rm_conf_balance *, struct rm_str zone, uint64_t identity, struct rm_balance *out);
uint64_t rm_balance_identity(void); // from the host name, which in Kubernetes is the pod's

// For balancer hash; 0: the request has no such header, or the backend does not hash.
uint64_t rm_balance_key(const struct rm_conf_balance *, const struct rm_request *);

#endif
