import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { unheededOf } from '../controller/orchestrator/kubernetes/affinity.ts'
import { declaredNodes } from '../controller/orchestrator/kubernetes/cluster-nodes.ts'
import { drift } from '../controller/orchestrator/kubernetes/drift.ts'
import { manifestsOf } from '../controller/orchestrator/kubernetes/manifests.ts'
import { nameOf } from '../controller/orchestrator/kubernetes/names.ts'
import { readRecord } from '../controller/orchestrator/kubernetes/record.ts'
import { deploymentOf, objectOf, options, record } from './support/cluster-objects.ts'

const Manifests = suite('manifests of a cluster')

interface PodSpec {
  template: {
    spec: {
      automountServiceAccountToken: boolean
      securityContext: object
      affinity?: unknown
      nodeSelector?: object
      tolerations: { tolerationSeconds: number }[]
      containers: {
        command: string[]
        env: { name: string; value?: string; valueFrom?: unknown }[]
        securityContext: object
        resources: unknown
        image: string
      }[]
      volumes: { name: string; configMap?: { name: string } }[]
    }
  }
  strategy: unknown
}
const podOf = (...[from, given]: Parameters<typeof specOf>) => specOf(from, given).template.spec
const specOf = (from = record(), given = options()) =>
  objectOf<{ spec: PodSpec }>('Deployment', from, given)!.spec
const kinds = (from = record(), given = options()) =>
  manifestsOf(from, given).map(({ resource, object }) => `${resource.kind} ${object.metadata.name}`)

Manifests('asks for nothing beside a Deployment but an account without rights and a policy', () => {
  assert.equal(kinds(), ['ServiceAccount dyninka-etl', 'NetworkPolicy dyninka-etl', 'Deployment etl-parse'])
  assert.is(podOf().automountServiceAccountToken, false)
})

Manifests('gives pods the rights of nobody', () => {
  assert.equal(podOf().securityContext, {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  })
  assert.equal(podOf().containers[0]!.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
})

Manifests('lets new pods take over before the old ones go', () => {
  assert.equal(specOf().strategy, {
    type: 'RollingUpdate',
    rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 },
  })
})

Manifests('mounts host and code from ConfigMaps that are named by their digests', () => {
  assert.equal(
    podOf().volumes.flatMap(({ configMap }) => configMap?.name ?? []),
    [`dyninka-${'b'.repeat(40)}`, `dyninka-${'a'.repeat(40)}`],
  )
  assert.is(podOf().containers[0]!.command.at(-1), '/dyninka/host/host.mjs')
})

Manifests('mounts nothing where the image has it all', () => {
  const made = { ...record(), image: 'registry.example/etl/parse@sha256:2' }
  assert.equal(
    podOf(made).volumes.map(({ name }) => name),
    ['tmp'],
  )
  assert.is(podOf(made).containers[0]!.image, 'registry.example/etl/parse@sha256:2')
  assert.is(podOf(made).containers[0]!.command.at(-1), '/dyninka/host.mjs')
})

Manifests('refers to secrets and holds none of their values', () => {
  const broker = {
    url: 'mqtt://someone:hunter2@broker:1883',
    secretOf: () => ({ name: 'accounts', key: 'etl.parse' }),
  }
  const given = options({ broker })
  const from = {
    ...record({ secrets: ['SMTP_PASSWORD'] }),
    broker: { url: 'mqtt://broker:1883', secret: broker.secretOf() },
  }
  const { env } = podOf(from, given).containers[0]!
  const reference = (name: string) => env.find(variable => variable.name === name)
  assert.equal(reference('SMTP_PASSWORD'), {
    name: 'SMTP_PASSWORD',
    valueFrom: { secretKeyRef: { name: 'etl-secrets', key: 'SMTP_PASSWORD' } },
  })
  assert.equal(reference('DYNINKA_BROKER'), {
    name: 'DYNINKA_BROKER',
    valueFrom: { secretKeyRef: { name: 'accounts', key: 'etl.parse' } },
  })
  assert.not.match(JSON.stringify(manifestsOf(from, given)), 'hunter2')
})

Manifests('turns decisions and requirements into what the scheduler must heed', () => {
  const placement = {
    zone: 'edge-lyon',
    node: 'pi-3',
    require: { arch: ['arm64', 'amd64'], labels: { camera: 'exists', floor: '2' } },
  }
  const zone = 'topology.kubernetes.io/zone'
  assert.equal(podOf(record({ placement })).affinity, {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: zone, operator: 'In', values: ['edge-lyon'] },
              { key: 'kubernetes.io/arch', operator: 'In', values: ['arm64', 'amd64'] },
              { key: 'camera', operator: 'Exists' },
              { key: 'floor', operator: 'In', values: ['2'] },
            ],
            matchFields: [{ key: 'metadata.name', operator: 'In', values: ['pi-3'] }],
          },
        ],
      },
    },
  })
})

Manifests('turns preferences and nearness into what the scheduler weighs', () => {
  const placement = {
    prefer: [{ zone: 'edge-lyon', weight: 500 }],
    near: [{ function: 'tick', maxRttMs: 10 }],
  }
  const zone = 'topology.kubernetes.io/zone'
  assert.equal(podOf(record({ placement })).affinity, {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          preference: { matchExpressions: [{ key: zone, operator: 'In', values: ['edge-lyon'] }] },
        },
      ],
    },
    podAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          podAffinityTerm: {
            topologyKey: zone,
            labelSelector: { matchLabels: { 'dyninka.dev/flow': 'etl', 'dyninka.dev/function': 'tick' } },
          },
        },
      ],
    },
  })
})

Manifests('turns what must be apart into what the scheduler must heed', () => {
  assert.equal(podOf(record({ placement: { apart: ['tick'] } })).affinity, {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: { 'dyninka.dev/flow': 'etl', 'dyninka.dev/function': 'tick' } },
        },
      ],
    },
  })
})

Manifests('prefers one node for what is to share it', () => {
  const { affinity } = podOf(record({ placement: { with: ['tick'] } }))
  assert.equal((affinity as { podAffinity: object }).podAffinity, {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        podAffinityTerm: {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: { 'dyninka.dev/flow': 'etl', 'dyninka.dev/function': 'tick' } },
        },
      },
    ],
  })
})

Manifests('keeps to the nodes that a Dataflow names, and to its label for zones', () => {
  const given = options({ nodeSelector: { disk: 'ssd' }, zoneKey: 'site' })
  const from = record({ placement: { zone: 'lyon', prefer: [{ zone: 'nice', weight: 5 }] } })
  const { nodeSelector, affinity } = podOf(from, given)
  assert.equal(nodeSelector, { disk: 'ssd' })
  assert.match(JSON.stringify(affinity), '"key":"site"')
  assert.not.match(JSON.stringify(affinity), 'topology.kubernetes.io/zone')
  const node = (name: string, labels: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
  })
  const all = [node('a', { disk: 'ssd', site: 'lyon' }), node('b', { disk: 'hdd', site: 'lyon' })]
  assert.equal(
    declaredNodes(all, given).map(({ name, zone }) => [name, zone]),
    [['a', 'lyon']],
  )
})

Manifests('asks for the resources that are named, and limits memory alone', () => {
  const [host] = podOf(record({ resources: { cpuMillis: 250, memoryBytes: 2 ** 26 } })).containers
  assert.equal(host!.resources, {
    requests: { cpu: '250m', memory: '67108864' },
    limits: { memory: '67108864' },
  })
  const [small] = podOf().containers
  assert.equal(small!.resources, { requests: { cpu: '10m', memory: '64Mi' } })
})

Manifests('says what no scheduler can do of a placement', () => {
  assert.equal(unheededOf({ near: [{ function: 'tick', maxRttMs: 10 }] }), [
    'near tick within 10 ms is not held: the scheduler knows no round trips, and prefers the same zone',
  ])
  const heeded = { require: { arch: ['arm64'] }, prefer: [{ zone: 'a', weight: 100 }], zone: 'a', node: 'b' }
  assert.equal(unheededOf(heeded), [])
  assert.equal(unheededOf({ with: ['b'] }), [
    'with b is not held: the scheduler prefers the same node, as long as there is room',
  ])
  assert.equal(unheededOf({ with: ['b'], node: 'n1' }), [])
})

Manifests('leaves a lost node long before the default five minutes', () => {
  assert.equal(
    podOf().tolerations.map(({ tolerationSeconds }) => tolerationSeconds),
    [10, 10],
  )
})

Manifests('opens a source that takes HTTP, and nothing else', () => {
  const from = record({ node: 'door', kind: 'source', outside: { listens: 8080 } })
  assert.equal(kinds(from).slice(2), ['NetworkPolicy etl-door', 'Service etl-door', 'Deployment etl-door'])
  const { spec } = objectOf<{ spec: object }>('NetworkPolicy', from)!
  assert.equal(spec, {
    podSelector: {
      matchLabels: {
        'dyninka.dev/dataflow': 'etl',
        'dyninka.dev/flow': 'etl',
        'dyninka.dev/function': 'door',
      },
    },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ port: 8080, protocol: 'TCP' }] }],
  })
})

const ways: [string, unknown][] = [
  [
    'https://203.0.113.7',
    { to: [{ ipBlock: { cidr: '203.0.113.7/32' } }], ports: [{ port: 443, protocol: 'TCP' }] },
  ],
  ['https://api.example.com:8443', { ports: [{ port: 8443, protocol: 'TCP' }] }],
  [
    'http://store.shop.svc.cluster.local:9000',
    { to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }] },
  ],
  [
    'mqtt://other',
    { to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'flows' } } }] },
  ],
]
for (const [url, rule] of ways) {
  Manifests(`lets a sink reach ${url} as narrowly as a policy can say`, () => {
    const from = record({ node: 'out', kind: 'sink', outside: { reaches: [url] } })
    const { spec } = objectOf<{ spec: { egress: unknown[]; policyTypes: string[] } }>('NetworkPolicy', from)!
    assert.equal(spec.policyTypes, ['Egress'])
    assert.equal(spec.egress, [rule])
  })
}

Manifests('keeps one of several pods while nodes are drained', () => {
  assert.ok(kinds(record({ replicas: 2 })).includes('PodDisruptionBudget etl-parse'))
  assert.not.ok(kinds(record({ replicas: 1 })).includes('PodDisruptionBudget etl-parse'))
})

Manifests('tells from the Deployment alone what its objects are made from', () => {
  const from = record({ env: { LIMIT: '3' }, replicas: 2 }, 7)
  assert.equal(readRecord(deploymentOf(from)), from)
  const changed = deploymentOf(from)
  changed.metadata.annotations = { 'dyninka.dev/workload': '{"v":1}' }
  assert.is(readRecord(changed), undefined)
})

Manifests('has names that fit, and differ', () => {
  assert.is(nameOf('etl', 'parse'), 'etl-parse')
  const long = nameOf('f'.repeat(40), 'n'.repeat(40))
  assert.ok(long.length <= 52, `${long.length} characters`)
  assert.match(long, /^f{40}-n*-[0-9a-f]{8}$/)
  assert.is.not(nameOf('a', 'b-c', false), nameOf('a-b', 'c', false))
})

Manifests('sees no drift in what others add and the server fills in', () => {
  const live = structuredClone(deploymentOf()) as unknown as { spec: PodSpec & { paused?: boolean } }
  live.spec.paused = false
  live.spec.template.spec.containers.unshift({
    ...live.spec.template.spec.containers[0]!,
    name: 'sidecar',
    image: 'mesh',
  } as never)
  live.spec.template.spec.containers[1]!.env.push({ name: 'ADDED', value: '1' })
  assert.is(drift(deploymentOf(), live), undefined)
})

Manifests('names the field of ours that somebody changed', () => {
  const live = structuredClone(deploymentOf()) as unknown as { spec: PodSpec }
  live.spec.template.spec.containers[0]!.image = 'other'
  assert.is(drift(deploymentOf(), live), 'spec.template.spec.containers[host].image')
})

const same: [string, unknown, unknown][] = [
  ['memory in other units', { requests: { memory: '67108864' } }, { requests: { memory: '64Mi' } }],
  ['a whole processor', { requests: { cpu: '1000m' } }, { requests: { cpu: '1' } }],
  ['an empty variable', { env: [{ name: 'A', value: '' }] }, { env: [{ name: 'A' }] }],
  ['an empty list', { items: [] }, {}],
  ['an empty object', { emptyDir: {} }, {}],
]
for (const [what, wanted, live] of same)
  Manifests(`takes for the same: ${what}`, () => assert.is(drift(wanted, live), undefined))

Manifests.run()
