import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  accountsName,
  brokerManifests,
  brokerName,
  brokerSelector,
} from '../controller/cluster/managed-broker/manifests.ts'
import { isSameBroker } from '../controller/cluster/zone-brokers/kept-zone-brokers.ts'
import { manifestsOf } from '../controller/orchestrator/kubernetes/manifests.ts'
import { recordOf } from '../controller/orchestrator/kubernetes/record.ts'
import { objectOf, options, record, workload } from './support/cluster-objects.ts'

const Zones = suite('brokers of zones, as objects of a cluster')

const zones = {
  urls: {
    'edge-2': 'mqtt://someone:hunter2@10.1.2.3:1884',
    'edge-1': 'mqtt://admin:hunter3@dyninka-etl-broker-edge-1-0a1b2c3d.flows.svc:1883',
  },
  secretOf: (flow: string, node: string) => ({
    name: 'dyninka-etl-broker-accounts',
    key: `${flow}.${node}.zones`,
  }),
}
const given = options({ broker: { url: 'mqtt://broker.messaging.svc:1883', zones } })
const told = recordOf('etl-parse', workload(), { generation: 1, broker: given.broker })

interface Env {
  spec: { template: { spec: { containers: { env: { name: string }[] }[] } } }
}
const variable = (from = told) =>
  objectOf<Env>('Deployment', from, given)!.spec.template.spec.containers[0]!.env.find(
    ({ name }) => name === 'DYNINKA_ZONE_BROKERS',
  )

Zones('are told to pods by a Secret, of which each sees its own key', () => {
  assert.equal(variable(), {
    name: 'DYNINKA_ZONE_BROKERS',
    valueFrom: { secretKeyRef: { name: 'dyninka-etl-broker-accounts', key: 'etl.parse.zones' } },
  })
  assert.is(variable(record()), undefined)
  assert.not.match(JSON.stringify(manifestsOf(told, given)), /hunter|admin|someone/)
})

Zones('can be reached by the pods that are told of them, and by no other', () => {
  const policies = (from = told) =>
    manifestsOf(from, given)
      .filter(({ resource }) => resource.kind === 'NetworkPolicy')
      .map(({ object }) => JSON.stringify(object))
  const [ofFlow, ofNode] = policies()
  assert.not.match(ofFlow!, '10.1.2.3')
  assert.match(ofNode!, '"cidr":"10.1.2.3/32"')
  assert.match(ofNode!, '"port":1884')
  assert.match(ofNode!, '"kubernetes.io/metadata.name":"flows"')
  assert.is(policies(record()).length, 1)
})

Zones('leave a record the same, in whatever order they are named', () => {
  const turned = { ...zones, urls: Object.fromEntries(Object.entries(zones.urls).toReversed()) }
  const other = recordOf('etl-parse', workload(), {
    generation: 1,
    broker: { ...given.broker, zones: turned },
  })
  assert.is(JSON.stringify(other), JSON.stringify(told))
})

const zoneOf = (name: string) => ({ name, key: 'site' })
const managed = (zone?: string) =>
  brokerManifests({
    dataflow: 'etl',
    namespace: 'flows',
    image: 'mosquitto',
    storage: '1Gi',
    ...(zone !== undefined && { zone: zoneOf(zone) }),
  })
const object = <T>(kind: string, zone?: string) =>
  managed(zone).find(({ resource }) => resource.kind === kind)!.object as unknown as T

Zones('that are managed run in their zone, or nowhere', () => {
  interface Set {
    spec: { template: { spec: { affinity?: unknown } } }
  }
  assert.equal(object<Set>('StatefulSet', 'edge-1').spec.template.spec.affinity, {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'site', operator: 'In', values: ['edge-1'] }] }],
      },
    },
  })
  assert.is(object<Set>('StatefulSet').spec.template.spec.affinity, undefined)
})

Zones('that are managed select no pod of one another', () => {
  interface Labelled {
    spec: { template: { metadata: { labels: Record<string, string> } } }
  }
  interface Service {
    spec: { selector: Record<string, string> }
  }
  const all = [undefined, 'edge-1', 'edge-2']
  for (const one of all)
    for (const other of all) {
      const { labels } = object<Labelled>('StatefulSet', other).spec.template.metadata
      const selector = Object.entries(object<Service>('Service', one).spec.selector)
      const asked = brokerSelector('etl', one)
        .split(',')
        .map(pair => pair.split('='))
      for (const wanted of [selector, asked])
        assert.is(
          wanted.every(([key, value]) => labels[key!] === value),
          one === other,
          `${one} ${other}`,
        )
    }
})

Zones('that are managed have names of their own, which are host names', () => {
  const names = [
    accountsName('etl'),
    brokerName('etl'),
    ...['accounts', 'edge-1', 'Edge-1', 'edge.1', 'edge_1', 'a'.repeat(63), `${'a'.repeat(62)}b`].map(zone =>
      brokerName('etl', zone),
    ),
    brokerName('e'.repeat(52), 'edge-1'),
    brokerName('e'.repeat(52), 'edge-2'),
  ]
  assert.is(new Set(names).size, names.length, names.join(' '))
  for (const name of names) assert.match(name, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/)
})

Zones('are the same with other credentials, and others at another address', () => {
  assert.ok(isSameBroker({ url: 'mqtt://a:b@host:1883' }, { url: 'mqtt://c:d@host:1883' }))
  assert.not(isSameBroker({ url: 'mqtt://host:1883' }, { url: 'mqtt://host:1884' }))
  assert.not(isSameBroker({ url: 'mqtt://host:1883' }, { url: 'mqtts://host:1883' }))
  assert.ok(isSameBroker({ managed: {} }, { managed: { storage: '2Gi' } }))
  assert.not(isSameBroker({ managed: {} }, { url: 'mqtt://host:1883' }))
})

Zones.run()
