{{/* Names, labels, images and the settings that every pod shares. */}}

{{- define "kfp.labels" -}}
app.kubernetes.io/part-of: kubeflow-pipelines
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Values.version | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "kfp.selector" -}}
app.kubernetes.io/part-of: kubeflow-pipelines
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The whole reference of an image: mirror/name:tag or name@digest. */}}
{{- define "kfp.image" -}}
{{- $image := index .root.Values.images .image -}}
{{- $name := $image.name -}}
{{- with .root.Values.images.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^[^/]+[.:][^/]*/" $name "") }}{{ end -}}
{{- if $image.digest }}{{ $name }}@{{ $image.digest }}{{ else }}{{ $name }}:{{ $image.tag | default .root.Values.version }}{{ end -}}
{{- end }}

{{/* What every pod says before its containers. `token`: whether it talks to the API server. */}}
{{- define "kfp.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user | default 1000 }}
  runAsGroup: {{ .user | default 1000 }}
  fsGroup: {{ .user | default 1000 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.pods.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* What every container says beside its own. */}}
{{- define "kfp.container" -}}
image: {{ include "kfp.image" . }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "kfp.databaseHost" -}}
{{ if .Values.database.bundled }}mysql{{ else }}{{ .Values.database.host }}{{ end }}
{{- end }}

{{- define "kfp.storeHost" -}}
{{ if .Values.objectStore.bundled }}minio-service{{ else }}{{ .Values.objectStore.host }}{{ end }}
{{- end }}

{{/* Port 9000 is the bundled store's. */}}
{{- define "kfp.storePort" -}}
{{ if .Values.objectStore.bundled }}9000{{ else }}{{ .Values.objectStore.port }}{{ end }}
{{- end }}

{{- define "kfp.storeSecure" -}}
{{ and .Values.objectStore.secure (not .Values.objectStore.bundled) }}
{{- end }}

{{- define "kfp.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{ include "kfp.labels" . | nindent 4 }}
  {{- if .storage.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
spec:
  accessModes: [ReadWriteOnce]
  {{- with .storage.className }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ .storage.size }}}}
{{- end }}
