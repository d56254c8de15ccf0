import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { observeHosts } from '../controller/orchestrator/kubernetes/observe-hosts.ts'
import type { ObservedHost, Workload } from '../controller/orchestrator/orchestrator.ts'
import { planHosts } from '../controller/plan-hosts.ts'
import { deploymentOf, podOf, record, workload } from './support/cluster-objects.ts'

const Observe = suite('hosts of a cluster')

const now = Date.parse('2026-01-01T00:00:30Z')
type Objects = Parameters<typeof observeHosts>[2]

const hostsOf = (objects: Partial<Objects>) =>
  observeHosts(
    'etl',
    'parse',
    { pods: [], isAutoscaled: false, stoppedUpTo: 0, lostNodes: new Set(), ...objects },
    now,
  )

/** What a planner would do about them. */
function changes(hosts: ObservedHost[], wanted: Workload, present: ObservedHost[] = []) {
  const desired = {
    flow: 'etl',
    nodes: [],
    workloads: [wanted],
    contents: { parse: {} as never },
    unbuilt: [],
  }
  return planHosts(desired, {
    hosts,
    nodes: [],
    schedules: true,
    wirings: {},
    presences: present.map(host => ({
      v: 1,
      host: host.id,
      function: 'parse',
      generation: host.generation,
      artifact: '',
      node: '',
      pid: 1,
      startedAt: '',
      wiring: 1,
      partitions: [0],
    })),
    sessions: {},
    resting: {},
    ended: {},
    silent: [],
  }).map(change =>
    change.action === 'start'
      ? `start ${change.spec.generation}/${change.spec.replica}`
      : `${change.action} ${change.generation}/${change.replica}${'keep' in change ? ` for ${change.keep}` : ''}`,
  )
}

Observe('knows pods before the cluster has made them: nothing is asked for twice', () => {
  const wanted = workload({ replicas: 2 })
  assert.equal(changes([], wanted), ['start 1/0', 'start 1/1'])
  const deployment = deploymentOf(record({ replicas: 2 }))
  assert.equal(changes(hostsOf({ deployment }), wanted), [])
  assert.equal(changes(hostsOf({ deployment, pods: [podOf('a', record({ replicas: 2 }))] }), wanted), [])
})

Observe('names a host as its pod, and where it runs', () => {
  const [host] = hostsOf({
    deployment: deploymentOf(),
    pods: [podOf('etl-parse-x', record(), { node: 'pi' })],
  })
  assert.is(host!.id, 'etl-parse-x')
  assert.is(host!.place, 'pi')
  assert.is(host!.phase, 'running')
  assert.is(host!.fingerprint, 'sha256:one')
})

Observe('lets the pods before go once they were told to, and not again', () => {
  const before = record({}, 1)
  const after = record({ fingerprint: 'sha256:two' }, 2)
  const wanted = workload({ fingerprint: 'sha256:two' })
  const objects = { deployment: deploymentOf(after), pods: [podOf('old', before), podOf('new', after)] }
  const hosts = hostsOf(objects)
  const isNew = hosts.filter(({ generation }) => generation === 2)
  assert.equal(changes(hosts, wanted), [], 'the new one has yet to take over')
  assert.equal(changes(hosts, wanted, isNew), ['stop 1/0'])
  assert.equal(changes(hostsOf({ ...objects, stoppedUpTo: 1 }), wanted, isNew), [])
})

Observe('goes back to what works while what is newer has not taken over, and knows it by its record', () => {
  const { before: _, ...works } = record({}, 1)
  const failing = { ...record({ fingerprint: 'sha256:two' }, 2), before: works }
  const pods = [podOf('old', works), podOf('new', failing)]
  const hosts = hostsOf({ deployment: deploymentOf(failing), pods })
  const isOld = hosts.filter(({ id }) => id === 'old')
  assert.equal(isOld[0]!.workload, works.workload)
  assert.equal(changes(hosts, workload(), isOld), ['stop 2/0 for 1'])
  assert.is(changes(hosts, workload(), [])[0], 'start 3/0', 'nothing works that could go on')
  assert.equal(changes(hosts, workload(), hosts), ['start 3/0', 'stop 1/0'], 'the newer one has taken over')
  const elsewhere = workload({ placement: { zone: 'a' } })
  assert.is(changes(hosts, elsewhere, isOld)[0], 'start 3/0', 'it runs where it must not')
  const back = hostsOf({ deployment: deploymentOf(works), pods })
  assert.is(back.find(({ id }) => id === 'new')!.phase, 'stopping')
  assert.equal(changes(back, workload(), isOld), [])
})

Observe('makes a generation of what must be elsewhere, or meet another world', () => {
  const deployment = deploymentOf(record({ placement: { zone: 'a' } }))
  const hosts = hostsOf({ deployment })
  assert.equal(changes(hosts, workload({ placement: { zone: 'a' } })), [])
  assert.equal(changes(hosts, workload({ placement: { zone: 'b' } })), ['start 2/0'])
  assert.equal(changes(hosts, workload({ placement: { zone: 'a' }, outside: { listens: 80 } })), [
    'start 2/0',
  ])
})

Observe('goes on from the generation that is on its way out', () => {
  const pods = [podOf('old', record({}, 4), { deleted: true })]
  assert.equal(changes(hostsOf({ pods }), workload()), ['start 5/0'])
})

Observe('leaves alone what an autoscaler adds or takes away', () => {
  const from = record({ replicas: 2 })
  const pods = ['a', 'b', 'c', 'd', 'e'].map(name => podOf(name, from))
  const wanted = workload({ replicas: 2 })
  const deployment = deploymentOf(from)
  assert.equal(changes(hostsOf({ deployment, pods, isAutoscaled: true }), wanted), [])
  assert.equal(changes(hostsOf({ deployment, pods: [pods[0]!], isAutoscaled: true }), wanted), [])
  assert.is(hostsOf({ deployment, pods, isAutoscaled: true }).length, 5)
})

Observe('counts no pod that has ended for good: its owner makes another', () => {
  const evicted = podOf('evicted')
  evicted.status!.phase = 'Failed'
  const hosts = hostsOf({ deployment: deploymentOf(), pods: [evicted] })
  assert.equal(
    hosts.map(({ id }) => id),
    ['etl-parse-1-0-to-come'],
  )
})

const short = { startedAt: '2026-01-01T00:00:01Z', finishedAt: '2026-01-01T00:00:02Z' }
const one = (status: Parameters<typeof podOf>[2]) =>
  hostsOf({ deployment: deploymentOf(), pods: [podOf('p', record(), status)] })[0]!

Observe('tells how often, why and with what words a process ended', () => {
  const message = '{"level":50,"msg":"the function could not start","error":"no such table"}\nTrace\n'
  const host = one({
    status: {
      ready: false,
      restartCount: 3,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
      lastState: { terminated: { exitCode: 1, reason: 'Error', message, ...short } },
    },
  })
  assert.is(host.phase, 'backoff')
  assert.is(host.failures, 3)
  assert.equal(host.lastExit, {
    at: '2026-01-01T00:00:02Z',
    reason: 'exit code 1',
    log: ['error: the function could not start: no such table', 'log: Trace'],
  })
})

Observe('counts an end, before the cluster has started it again', () => {
  const host = one({
    status: { ready: false, state: { terminated: { exitCode: 137, reason: 'OOMKilled', ...short } } },
  })
  assert.is(host.phase, 'backoff')
  assert.is(host.failures, 1)
  assert.is(host.lastExit!.reason, 'killed: it took more memory than it may')
})

Observe('takes a process that was started again for running once it has taken over', () => {
  const lastState = { terminated: { exitCode: 1, ...short } }
  const state = { running: { startedAt: '2026-01-01T00:00:20Z' } }
  assert.is(one({ status: { ready: false, restartCount: 1, state, lastState } }).phase, 'backoff')
  assert.is(one({ status: { ready: true, restartCount: 1, state, lastState } }).phase, 'running')
})

Observe('forgives failures of which a process has recovered', () => {
  const lastState = { terminated: { exitCode: 1, ...short } }
  const state = { running: { startedAt: '2025-12-31T23:00:00Z' } }
  assert.is(one({ status: { restartCount: 9, state, lastState } }).failures, 0)
})

Observe('tells an image that cannot be had, and does not wait for it', () => {
  const waiting = { reason: 'ImagePullBackOff', message: 'not found' }
  const host = one({ status: { ready: false, state: { waiting } } })
  assert.is(host.obstacle, 'its container cannot start: ImagePullBackOff: not found')
  assert.is(host.failures, 2)
})

Observe('tells why no node takes a pod', () => {
  const pod = podOf('p')
  pod.spec = {}
  const message = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
  pod.status = {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  }
  const [host] = hostsOf({ deployment: deploymentOf(), pods: [pod] })
  assert.is(host!.obstacle, `no node can take it: ${message}`)
  assert.is(host!.place, '')
})

Observe('tells that a node does not answer, and which hosts should have ended there', () => {
  const deployment = deploymentOf()
  const lostNodes = new Set(['node-1'])
  const [lost] = hostsOf({ deployment, pods: [podOf('p')], lostNodes })
  assert.is(lost!.obstacle, 'its node node-1 does not answer')
  assert.is(
    hostsOf({ deployment, pods: [podOf('p', record(), { node: 'node-2' })], lostNodes })[0]!.obstacle,
    undefined,
  )
  const deleted = podOf('p')
  const overdueOf = (secondsAgo: number) => {
    const gracePeriodSeconds = 10
    deleted.metadata.deletionTimestamp = new Date(
      now + (gracePeriodSeconds - secondsAgo) * 1_000,
    ).toISOString()
    deleted.metadata.deletionGracePeriodSeconds = gracePeriodSeconds
    return hostsOf({ deployment, pods: [deleted], lostNodes })[0]!.overdue
  }
  assert.is(overdueOf(1), undefined, 'it is told to stop just now')
  assert.is(overdueOf(6), true)
})

Observe('tells what a quota refuses', () => {
  const deployment = deploymentOf()
  const message = 'pods "etl-parse-" is forbidden: exceeded quota'
  deployment.status = { conditions: [{ type: 'ReplicaFailure', status: 'True', message }] }
  assert.is(hostsOf({ deployment })[0]!.obstacle, `its pod is refused: ${message}`)
})

Observe.run()
