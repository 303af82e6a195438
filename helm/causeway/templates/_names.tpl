{{/* Names, labels, images and the settings that every pod shares. */}}

{{- define "causeway.selector" -}}
app.kubernetes.io/part-of: causeway
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "causeway.labels" -}}
{{ include "causeway.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* name, namespace and labels; `part` is {root, component, name}. */}}
{{- define "causeway.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels: {{ include "causeway.labels" . | nindent 2 }}
{{- end }}

{{/* The whole reference of an image: mirror/name:tag or name@digest. */}}
{{- define "causeway.image" -}}
{{- $image := index .root.Values.images .image -}}
{{- $name := $image.name -}}
{{- with .root.Values.images.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^[^/]+[.:][^/]*/" $name "") }}{{ end -}}
{{- if $image.digest }}{{ $name }}@{{ $image.digest }}{{ else }}{{ $name }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* What every pod says before its containers: part = {root, component, image, account, token, user}. */}}
{{- define "causeway.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
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

{{- define "causeway.container" -}}
image: {{ include "causeway.image" . }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "causeway.small" -}}
requests: {cpu: 50m, memory: 256Mi}
limits: {memory: 1Gi}
{{- end }}

{{/* Keys and address of the object store, by reference. */}}
{{- define "causeway.s3Env" -}}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_ENDPOINT_URL" "AWS_REGION" }}
- {name: {{ . }}, valueFrom: {secretKeyRef: {name: causeway-s3, key: {{ . }}}}}
{{- end }}
{{- end }}

{{- define "causeway.databaseHost" -}}
{{ if .Values.database.bundled }}causeway-postgres{{ else }}{{ .Values.database.host }}{{ end }}
{{- end }}

{{- define "causeway.databasePort" -}}
{{ if .Values.database.bundled }}5432{{ else }}{{ .Values.database.port }}{{ end }}
{{- end }}

{{/* postgresql://user@host:port/name, without a password: that is in PGPASSWORD. */}}
{{- define "causeway.databaseUrl" -}}
postgresql+psycopg://{{ .root.Values.database.user }}@{{ include "causeway.databaseHost" .root }}:{{ include "causeway.databasePort" .root }}/{{ .name }}
{{- end }}

{{- define "causeway.redis" -}}
{{ if .Values.redis.bundled }}causeway-redis:6379{{ else }}{{ .Values.redis.address }}{{ end }}
{{- end }}

{{- define "causeway.mlflow" -}}
{{ if .Values.mlflow.uri }}{{ .Values.mlflow.uri }}{{ else if .Values.mlflow.enabled }}http://causeway-mlflow:5000{{ end }}
{{- end }}

{{- define "causeway.kfp" -}}
{{ .Values.pipelines.api | default (printf "http://ml-pipeline.%s:8888" .Release.Namespace) }}
{{- end }}

{{- define "causeway.endpoints" -}}
{{ .Values.serving.namespace | default .Release.Namespace }}
{{- end }}

{{- define "causeway.claim" -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{ include "causeway.metadata" . | nindent 2 }}
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

{{- define "causeway.service" -}}
apiVersion: v1
kind: Service
metadata: {{ include "causeway.metadata" . | nindent 2 }}
spec:
  selector: {{ include "causeway.selector" . | nindent 4 }}
  ports:
    - {name: {{ .port.name }}, port: {{ .port.number }}, targetPort: {{ .port.name }}}
{{- end }}

{{/* Objects of a file of ../../manifests, with this installation's images: part = {root, file}. A YAML list under `items`. */}}
{{- define "causeway.objects" -}}
{{- $root := .root -}}
{{- $text := $root.Files.Get .file -}}
{{- range list "data" "train" "serve" "sim" "pipelines" }}
{{- $text = regexReplaceAll (printf "causeway/%s:[A-Za-z0-9._-]+" .) $text (include "causeway.image" (dict "root" $root "image" .)) -}}
{{- end }}
{{- $items := list -}}
{{- range splitList "\n---\n" (printf "\n%s\n" $text) }}
{{- $item := fromYaml . -}}
{{- if $item.kind }}{{ $items = append $items $item }}{{ end -}}
{{- end }}
{{- toYaml (dict "items" $items) -}}
{{- end }}
