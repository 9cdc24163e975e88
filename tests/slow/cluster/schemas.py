"""JSON Schemas of the Kubernetes kinds that remora's manifests have, strict, from what an API server says of itself. Those in
tests/chart/schemas were written by this; test_chart.py compares them."""
# SPDX-License-Identifier: Apache-2.0
import json

# The group's path, and its kinds.
KINDS = {
    "api/v1": ["ConfigMap", "Pod", "Service", "ServiceAccount"],
    "apis/apps/v1": ["Deployment"],
    "apis/autoscaling/v2": ["HorizontalPodAutoscaler"],
    "apis/networking.k8s.io/v1": ["NetworkPolicy"],
    "apis/policy/v1": ["PodDisruptionBudget"],
    "apis/rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
}
# Quantities and ports may be numbers where the description says "string".
LOOSE = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
}
KEPT = ("type", "enum", "required", "items", "minimum", "maximum")


def _short(name):
    return name.rpartition(".")[2]


def _strict(node, needed):
    """Without descriptions and defaults; `needed` collects the names that it refers to."""
    if "allOf" in node:  # one reference, with a description beside it
        return _strict(node["allOf"][0], needed)
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        needed.append(name)
        return {"$ref": "#/definitions/" + _short(name)}
    out = {key: node[key] for key in KEPT if key in node}
    if "items" in out:
        out["items"] = _strict(out["items"], needed)
    if "properties" in node:
        out["properties"] = {key: _strict(value, needed) for key, value in sorted(node["properties"].items())}
        out["additionalProperties"] = False
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _strict(node["additionalProperties"], needed)
    return out


def _is_kind(schema, kind, group):
    name, _, version = group.removeprefix("apis/").removeprefix("api/").rpartition("/")
    wanted = {"group": name, "kind": kind, "version": version}
    return wanted in schema.get("x-kubernetes-group-version-kind", [])


def make(api):
    """{file name: text} for kubeconform's -schema-location '{{.ResourceKind}}.json'."""
    files = {}
    for group, kinds in KINDS.items():
        known = api.ask("GET", "/openapi/v3/" + group)["components"]["schemas"]
        for kind in kinds:
            (root,) = [name for name, schema in known.items() if _is_kind(schema, kind, group) and _short(name) == kind]
            definitions, needed = {}, [root]
            while needed:
                name = needed.pop()
                if _short(name) not in definitions:
                    definitions[_short(name)] = LOOSE.get(name) or _strict(known[name], needed)
            top = definitions.pop(kind)
            top["required"] = ["apiVersion", "kind", "metadata"]
            lines = ['"%s": %s' % (key, json.dumps(definitions[key], separators=(",", ":"))) for key in sorted(definitions)]
            text = json.dumps(top, separators=(",", ":"))[:-1] + ',"definitions":{\n' + ",\n".join(lines) + "\n}}\n"
            files[kind.lower() + ".json"] = text
    return files
