import { type KubernetesObject, type Resource, resources } from '../../kubernetes/resource.ts'
import { restrictedContainer, restrictedPod } from '../../kubernetes/restricted.ts'
import { nameOf, short } from '../../orchestrator/kubernetes/names.ts'

export interface ManagedBrokerSpec {
  /** Of the Dataflow. */
  dataflow: string
  namespace: string
  /** With `/usr/sbin/mosquitto`, its dynamic security plugin in `/usr/lib`, and `sh`. */
  image: string
  imagePullSecrets?: string[]
  /** A quantity, like `1Gi`. */
  storage: string
  storageClassName?: string
  /** Where it is to be; absent: it is the dataflow's own, and anywhere. */
  zone?: BrokerZone
}

export interface BrokerZone {
  name: string
  /** Label of nodes that names their zone. */
  key: string
}

export interface Manifest {
  resource: Resource
  object: KubernetesObject & Record<string, unknown>
}

/** @param zone whose broker it is; absent: the dataflow's own. With a digest, as names of zones are no host names */
export function brokerName(dataflow: string, zone?: string): string {
  const own = nameOf(`dyninka-${dataflow}`, 'broker')
  if (zone === undefined) return own
  const readable = zone.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return `${`${own}-${readable}`.slice(0, 43).replace(/-+$/, '')}-${short(`${dataflow}/${zone}`)}`
}
export const accountsName = (dataflow: string) => `${brokerName(dataflow)}-accounts`
export const brokerPort = 1883
/** In the Secret: what the account that makes others starts with. */
export const initialKey = 'dynamic-security.json'

const user = 1883
const configFolder = '/mosquitto/config'
const initialFolder = '/mosquitto/initial'
const dataFolder = '/mosquitto/data'
const security = `${dataFolder}/dynamic-security.json`

/** A queue holds far fewer than these: functions wait before, unless something outside the graph does not. */
const configuration = `listener ${brokerPort}
allow_anonymous false
plugin /usr/lib/mosquitto_dynamic_security.so
plugin_opt_config_file ${security}
persistence true
persistence_location ${dataFolder}/
autosave_interval 10
set_tcp_nodelay true
max_queued_messages 10000
max_queued_bytes 67108864
max_packet_size 9437184
log_dest stdout
log_type error
log_type warning
log_type notice
connection_messages false
`

/** Everything of a mosquitto for one Dataflow but its Secret, whose passwords must not be made anew. */
export function brokerManifests(spec: ManagedBrokerSpec): Manifest[] {
  const { dataflow, namespace, zone } = spec
  const name = brokerName(dataflow, zone?.name)
  const labels = brokerLabels(dataflow, zone?.name)
  const metadata = { name, namespace, labels }
  return [
    {
      resource: resources.ConfigMap,
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'mosquitto.conf': configuration } },
    },
    {
      resource: resources.Service,
      object: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { selector: labels, ports: [{ name: 'mqtt', port: brokerPort, targetPort: 'mqtt' }] },
      },
    },
    {
      resource: resources.NetworkPolicy,
      object: {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata,
        // Who comes in needs an account; the broker itself goes nowhere.
        spec: {
          podSelector: { matchLabels: labels },
          policyTypes: ['Ingress', 'Egress'],
          ingress: [{ ports: [{ port: brokerPort, protocol: 'TCP' }] }],
        },
      },
    },
    {
      resource: resources.StatefulSet,
      object: {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata,
        spec: {
          serviceName: name,
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podOf(spec) },
          volumeClaimTemplates: [claimOf(spec)],
        },
      },
    },
  ]
}

/** Label with the name of the Dataflow. */
const brokerLabel = 'dyninka.dev/broker-of'

/** The same of one that is for a zone: none selects the other. */
const zoneBrokerLabel = 'dyninka.dev/zone-broker-of'

/** Of its pods, too. It is no node of a graph, and whoever prunes those leaves it alone. */
export const brokerLabels = (dataflow: string, zone?: string): Record<string, string> => ({
  'app.kubernetes.io/name': 'mosquitto',
  'app.kubernetes.io/component': zone === undefined ? 'broker' : 'zone-broker',
  'app.kubernetes.io/part-of': 'dyninka',
  ...(zone === undefined
    ? { [brokerLabel]: dataflow }
    : { [zoneBrokerLabel]: dataflow, 'dyninka.dev/zone': zone }),
})

/** What selects its pods. */
export const brokerSelector = (dataflow: string, zone?: string) =>
  zone === undefined
    ? `${brokerLabel}=${dataflow}`
    : `${zoneBrokerLabel}=${dataflow},dyninka.dev/zone=${zone}`

/** The scheduler puts it there, or nowhere. */
const affinityTo = ({ name, key }: BrokerZone) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [name] }] }],
    },
  },
})

function podOf({ dataflow, image, imagePullSecrets = [], zone }: ManagedBrokerSpec) {
  const name = brokerName(dataflow, zone?.name)
  const data = { name: 'data', mountPath: dataFolder }
  const copy = `test -e ${security} || (cp ${initialFolder}/${initialKey} ${security}.new && mv ${security}.new ${security})`
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // It saves all that it has when it ends.
    terminationGracePeriodSeconds: 60,
    securityContext: restrictedPod(user),
    ...(zone && { affinity: affinityTo(zone) }),
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map(name => ({ name })) }),
    initContainers: [
      {
        name: 'accounts',
        image,
        command: ['sh', '-c', copy],
        securityContext: restrictedContainer,
        volumeMounts: [data, { name: 'initial', mountPath: initialFolder, readOnly: true }],
      },
    ],
    containers: [
      {
        name: 'mosquitto',
        image,
        command: ['/usr/sbin/mosquitto', '-c', `${configFolder}/mosquitto.conf`],
        ports: [{ name: 'mqtt', containerPort: brokerPort, protocol: 'TCP' }],
        readinessProbe: { tcpSocket: { port: 'mqtt' }, periodSeconds: 2 },
        livenessProbe: { tcpSocket: { port: 'mqtt' }, periodSeconds: 10, failureThreshold: 6 },
        resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '512Mi' } },
        securityContext: restrictedContainer,
        volumeMounts: [data, { name: 'config', mountPath: configFolder, readOnly: true }],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name } },
      { name: 'initial', secret: { secretName: name, items: [{ key: initialKey, path: initialKey }] } },
    ],
  }
}

const claimOf = ({ dataflow, storage, storageClassName, zone }: ManagedBrokerSpec) => ({
  metadata: { name: 'data', labels: brokerLabels(dataflow, zone?.name) },
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage } },
    ...(storageClassName !== undefined && { storageClassName }),
  },
})
