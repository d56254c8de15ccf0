interface PodOptions {
  image: string
  command: string[]
  namespace?: string
  /** On which it runs, whatever the scheduler thinks. */
  node?: string
  /** Ready once something listens there. */
  port?: number
}

/** A pod as the strictest of Kubernetes' standards allows it: no privilege, nothing to write to but `/tmp`. */
export function restrictedPod(name: string, options: PodOptions) {
  const { image, command, namespace = 'default', node, port } = options
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      ...(node && { nodeName: node }),
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'main',
          image,
          command,
          env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
          ...(port && { readinessProbe: { tcpSocket: { port }, periodSeconds: 1 } }),
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }],
      ...(node ? { restartPolicy: 'Never' } : {}),
    },
  }
}
