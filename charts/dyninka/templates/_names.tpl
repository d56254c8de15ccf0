{{- define "dyninka.labels" -}}
app.kubernetes.io/name: dyninka
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "dyninka.selector" -}}
app.kubernetes.io/name: dyninka
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Of what is there once in the cluster: releases in two namespaces must not share it. */ -}}
{{- define "dyninka.clusterName" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}
{{- end }}

{{- define "dyninka.rules" -}}
{{- range . }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: {{ toJson .verbs }}
{{- end }}
{{- end }}

{{- define "dyninka.account" -}}
- kind: ServiceAccount
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
