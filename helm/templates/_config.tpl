{{/* The configuration and what the chart reads in it. */}}

{{/*
`config`, a map or a text in YAML or JSON, over what the chart says itself: where remora listens, and that it drains as long as
Kubernetes lets it. What `config` says wins.
*/}}
{{- define "remora.config" -}}
{{- $config := default dict .Values.config }}
{{- if kindIs "string" $config }}
{{- $config = fromYaml $config }}
{{- with $config.Error }}
{{- fail (printf "config is neither YAML nor JSON: %s" .) }}
{{- end }}
{{- end }}
{{- $sidecar := eq .Values.mode "sidecar" }}
{{- $drain := dict "mode" .Values.mode "max" (ternary "15s" "10s" $sidecar) }}
{{- $own := dict "drain" $drain "probes" (dict "listen" "0.0.0.0:8090") }}
{{- $base := dict "version" 3 "name" (include "remora.fullname" .) "port" 8080 "max_shutdown_wait_time" "10s" }}
{{- $_ := set $base "listen_ip" (ternary "127.0.0.1" "0.0.0.0" $sidecar) }}
{{- $_ := set $base "extra_config" (dict "remora" $own) }}
{{- $_ := set $base "endpoints" list }}
{{- toYaml (mergeOverwrite $base (deepCopy $config)) }}
{{- end }}

{{- define "remora.port" -}}
{{- (include "remora.config" . | fromYaml).port | int }}
{{- end }}

{{- define "remora.probesPort" -}}
{{- $listen := (include "remora.config" . | fromYaml).extra_config.remora.probes.listen | toString }}
{{- required "extra_config.remora.probes.listen: the chart needs the probe listener, such as 0.0.0.0:8090" (regexFind "[0-9]+$" $listen) }}
{{- end }}

{{/* Serving on and finishing must fit into the time that the pod is given; times in other units than seconds are not compared. */}}
{{- define "remora.checkDrain" -}}
{{- $config := include "remora.config" . | fromYaml }}
{{- $serves := $config.extra_config.remora.drain.max | toString }}
{{- $finishes := $config.max_shutdown_wait_time | toString }}
{{- if and (regexMatch "^[0-9]+s$" $serves) (regexMatch "^[0-9]+s$" $finishes) }}
{{- $sum := add (trimSuffix "s" $serves | int) (trimSuffix "s" $finishes | int) }}
{{- if ge $sum (.Values.terminationGracePeriodSeconds | int64) }}
{{- fail (printf "drain.max and max_shutdown_wait_time are %ds together: terminationGracePeriodSeconds must be more" $sum) }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The namespaces in which remora watches EndpointSlices, one a line: those of the Services that backends with `sd: kubernetes` name, and
rbac.namespaces. None: it needs neither a Role nor a token.
*/}}
{{- define "remora.namespaces" -}}
{{- $config := include "remora.config" . | fromYaml }}
{{- $found := .Values.rbac.namespaces }}
{{- $kubernetes := dig "remora" "kubernetes" dict (default dict $config.extra_config) }}
{{- $home := default .Release.Namespace $kubernetes.namespace }}
{{- range $config.endpoints }}
{{- range .backend }}
{{- if has (default "" .sd) (list "kubernetes" "k8s") }}
{{- range (kindIs "slice" .host | ternary .host (list .host)) }}
{{- $service := regexReplaceAll "^[a-z]+://" (toString .) "" | splitList ":" | first | splitList "." }}
{{- $found = append $found (gt (len $service) 1 | ternary (rest $service | first) $home) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $found | uniq | sortAlpha | join "\n" }}
{{- end }}
