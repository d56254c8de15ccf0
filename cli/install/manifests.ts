import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import type { KubernetesObject } from '../../controller/kubernetes/resource.ts'

export interface InstallOptions {
  /** Of the controller. */
  image: string
  /** With Node, that functions run in. */
  functionImage: string
  brokerImage?: string
  serviceAddresses?: 'names' | 'ips'
  /** Secrets beside the controller, with which its image is pulled. */
  imagePullSecrets?: string[]
  /** Secrets beside each Dataflow, with which the other images are. */
  functionImagePullSecrets?: string[]
  /** Secret beside the controller with `secret`, which the forge signs with. */
  webhookSecretName?: string
  namespace: string
  name: string
  version: string
  replicas: number
  watchNamespace?: string
  selector?: string
  leaveTimeout: string
  pinAfter: string
  /** As the controller takes them; its own where they are absent. */
  lostAfter?: string
  fullAfter?: string
  cutAfter?: string
  healAfter?: string
  /** PersistentVolumeClaim beside the controller that its telemetry outlives the pod in; for one replica. */
  stateClaim?: string
}

const given = (flag: string, value: string | undefined) => (value === undefined ? [] : [`--${flag}=${value}`])

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[] }
type Manifest = KubernetesObject & Record<string, unknown>

const chart = new URL('../../charts/dyninka/', import.meta.url)
const read = async <T>(path: string) => load(await readFile(new URL(path, chart), 'utf8')) as T

const rbac = 'rbac.authorization.k8s.io'
const port = 4780

/** What the Helm chart installs with the same values, in an order in which it can be applied. The definition of the
 *  resource and the namespace come first. */
export async function manifests(options: InstallOptions): Promise<Manifest[]> {
  const { namespace, version } = options
  const definition = await read<Manifest>('files/dataflows.yaml')
  definition.metadata.labels = labelsOf(options)
  const permissions = await read<Record<'dataflows' | 'cluster' | 'own', Rule[]>>('files/permissions.yaml')
  const home: Manifest = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespace,
      labels: {
        'app.kubernetes.io/name': 'dyninka',
        'app.kubernetes.io/version': version,
        'pod-security.kubernetes.io/enforce': 'restricted',
      },
    },
  }
  const people = await read<Record<'look' | 'steer' | 'ask', Rule[]>>('files/people.yaml')
  return [
    definition,
    home,
    ...rights(options, permissions),
    ...rightsOfPeople(options, people),
    ...workload(options),
  ]
}

const selectorOf = ({ name }: InstallOptions) => ({
  'app.kubernetes.io/name': 'dyninka',
  'app.kubernetes.io/instance': name,
})

const labelsOf = (options: InstallOptions) => ({
  ...selectorOf(options),
  'app.kubernetes.io/version': options.version,
  'app.kubernetes.io/managed-by': 'dyninka',
})

function rights(
  options: InstallOptions,
  permissions: Record<'dataflows' | 'cluster' | 'own', Rule[]>,
): Manifest[] {
  const { name, namespace, watchNamespace } = options
  const labels = labelsOf(options)
  const subjects = [{ kind: 'ServiceAccount', name, namespace }]
  const role = (kind: 'Role' | 'ClusterRole', name: string, rules: Rule[]): Manifest => ({
    apiVersion: `${rbac}/v1`,
    kind,
    metadata: { name, ...(kind === 'Role' && { namespace }), labels },
    rules,
  })
  const binding = (to: Manifest, within?: string): Manifest => ({
    apiVersion: `${rbac}/v1`,
    kind: within === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name: to.metadata.name, ...(within !== undefined && { namespace: within }), labels },
    roleRef: { apiGroup: rbac, kind: to.kind, name: to.metadata.name },
    subjects,
  })
  const own = role('Role', name, permissions.own)
  const nodes = role('ClusterRole', `${namespace}-${name}-nodes`, permissions.cluster)
  const dataflows = role('ClusterRole', `${namespace}-${name}-dataflows`, permissions.dataflows)
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } },
    own,
    binding(own, namespace),
    nodes,
    binding(nodes),
    dataflows,
    binding(dataflows, watchNamespace),
  ]
}

/** For an administrator to give. */
function rightsOfPeople(
  options: InstallOptions,
  { look, steer, ask }: Record<'look' | 'steer' | 'ask', Rule[]>,
): Manifest[] {
  const { name, namespace } = options
  const labels = labelsOf(options)
  const added = (kind: string, to: string[], rules: Rule[]): Manifest => ({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: {
      name: `${namespace}-${name}-${kind}`,
      labels: { ...labels, ...Object.fromEntries(to.map(role => [`${rbac}/aggregate-to-${role}`, 'true'])) },
    },
    rules,
  })
  return [
    added('look', ['view', 'edit', 'admin'], look),
    added('steer', ['edit', 'admin'], steer),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name: `${name}-people`, namespace, labels },
      rules: ask.map(rule => ({ ...rule, resourceNames: [`${name}:http`] })),
    },
  ]
}

function workload(options: InstallOptions): Manifest[] {
  const { name, namespace, replicas, stateClaim } = options
  const labels = labelsOf(options)
  const selector = selectorOf(options)
  const metadata = { name, namespace, labels }
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        ...(stateClaim !== undefined && { strategy: { type: 'Recreate' } }),
        selector: { matchLabels: selector },
        template: podOf(options),
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
    ...(replicas > 1
      ? [
          {
            apiVersion: 'policy/v1',
            kind: 'PodDisruptionBudget',
            metadata,
            spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
          },
        ]
      : []),
  ]
}

function podOf(options: InstallOptions) {
  const { name, image, functionImage, brokerImage, watchNamespace, selector, webhookSecretName } = options
  const { imagePullSecrets = [], functionImagePullSecrets = [] } = options
  const probe = (path: string) => ({ httpGet: { path, port: 'http' } })
  return {
    metadata: {
      labels: labelsOf(options),
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(port) },
    },
    spec: {
      serviceAccountName: name,
      ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map(name => ({ name })) }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'controller',
          image,
          args: [
            'controller',
            `--image=${functionImage}`,
            `--lease=${name}-controller`,
            `--service=${name}`,
            `--leave-timeout=${options.leaveTimeout}`,
            `--pin-after=${options.pinAfter}`,
            ...given('lost-after', options.lostAfter),
            ...given('full-after', options.fullAfter),
            ...given('cut-after', options.cutAfter),
            ...given('heal-after', options.healAfter),
            ...(brokerImage ? [`--broker-image=${brokerImage}`] : []),
            `--service-addresses=${options.serviceAddresses ?? 'names'}`,
            ...functionImagePullSecrets.map(name => `--image-pull-secret=${name}`),
            ...(watchNamespace === undefined ? [] : [`--namespace=${watchNamespace}`]),
            ...(selector === undefined ? [] : [`--selector=${selector}`]),
          ],
          env: [
            {
              name: 'POD_NAMESPACE',
              valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
            },
            { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
            { name: 'DYNINKA_LOG_LEVEL', value: 'info' },
            { name: 'HOME', value: '/var/lib/dyninka' },
            ...(webhookSecretName === undefined
              ? []
              : [
                  {
                    name: 'DYNINKA_WEBHOOK_SECRET',
                    valueFrom: { secretKeyRef: { name: webhookSecretName, key: 'secret' } },
                  },
                ]),
          ],
          ports: [{ name: 'http', containerPort: port }],
          livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 6 },
          readinessProbe: { ...probe('/readyz'), periodSeconds: 5 },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
          volumeMounts: [
            { name: 'state', mountPath: '/var/lib/dyninka' },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        {
          name: 'state',
          ...(options.stateClaim === undefined
            ? { emptyDir: { sizeLimit: '4Gi' } }
            : { persistentVolumeClaim: { claimName: options.stateClaim } }),
        },
        { name: 'tmp', emptyDir: { sizeLimit: '512Mi' } },
      ],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                topologyKey: 'kubernetes.io/hostname',
                labelSelector: { matchLabels: selectorOf(options) },
              },
            },
          ],
        },
      },
    },
  }
}
