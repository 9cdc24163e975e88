{{/*
The parts of a pod, for the Deployment here and for other charts. With this chart as a dependency and `mode: sidecar`, in the
application's own pod template:

  initContainers:
    {{- include "remora.sidecar" .Subcharts.remora | nindent 8 }}
  volumes:
    {{- include "remora.volumes" .Subcharts.remora | nindent 8 }}
*/}}

{{/* A native sidecar: there before the application starts, told to end after it has ended. One item of initContainers. */}}
{{- define "remora.sidecar" -}}
- restartPolicy: Always
  {{- include "remora.containerFields" . | nindent 2 }}
{{- end }}

{{- define "remora.container" -}}
- {{ include "remora.containerFields" . | nindent 2 | trim }}
{{- end }}

{{- define "remora.containerFields" -}}
{{- include "remora.checkDrain" . -}}
name: remora
image: {{ include "remora.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [run, -c, /etc/remora/remora.yaml]
env:
  # For hints of zone and node in EndpointSlices. Pods have the label from Kubernetes 1.35 on; before, the zone is empty.
  - name: REMORA_ZONE
    valueFrom:
      fieldRef:
        fieldPath: metadata.labels['topology.kubernetes.io/zone']
  - name: REMORA_NODE
    valueFrom:
      fieldRef:
        fieldPath: spec.nodeName
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- if eq .Values.mode "standalone" }}
  - name: http
    containerPort: {{ include "remora.port" . }}
  {{- end }}
  - name: probes
    containerPort: {{ include "remora.probesPort" . }}
# Started: it listens. Ready: each of its sources of hosts has answered once. Alive: its loops turn.
startupProbe:
  httpGet: {path: /startupz, port: probes}
  periodSeconds: 1
  failureThreshold: 30
readinessProbe:
  httpGet: {path: /readyz, port: probes}
  periodSeconds: 5
livenessProbe:
  httpGet: {path: /livez, port: probes}
  periodSeconds: 10
  timeoutSeconds: 2
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "remora.securityContext" . | nindent 2 }}
volumeMounts:
  - name: remora
    mountPath: /etc/remora
    readOnly: true
  {{- if include "remora.namespaces" . }}
  - name: remora-token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- end }}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* All that restricted Pod Security wants of a container, whatever the pod's own says. */}}
{{- define "remora.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Items of volumes. The token is mounted into remora's container alone, and only where EndpointSlices are watched. */}}
{{- define "remora.volumes" -}}
- name: remora
  configMap:
    name: {{ include "remora.configMapName" . }}
{{- if include "remora.namespaces" . }}
- name: remora-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
