{{/* Names and labels. */}}

{{- define "remora.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 53 characters leave room for what is put behind it. */}}
{{- define "remora.fullname" -}}
{{- $name := include "remora.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "remora.selector" -}}
app.kubernetes.io/name: {{ include "remora.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "remora.labels" -}}
{{ include "remora.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The labels of the pods that remora runs in: its own, or the application's. */}}
{{- define "remora.podSelector" -}}
{{- if eq .Values.mode "standalone" }}
{{- include "remora.selector" . }}
{{- else if .Values.sidecar.podLabels }}
{{- toYaml .Values.sidecar.podLabels }}
{{- else }}
{{- fail "sidecar.podLabels must select the application's pods" }}
{{- end }}
{{- end }}

{{- define "remora.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "remora.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "remora.configMapName" -}}
{{- default (include "remora.fullname" .) .Values.existingConfigMap }}
{{- end }}

{{- define "remora.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}
