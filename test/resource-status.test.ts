import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Findings } from '../controller/cluster/resource-status.ts'
import { resourceStatus } from '../controller/cluster/resource-status.ts'
import type { DataflowStatus } from '../controller/status.ts'

const Status = suite('status of a Dataflow')

const now = '2026-01-01T00:00:00Z'
const revision = 'main@sha1:1'

const condition = (type: 'Ready' | 'Reconciling' | 'Stalled', status: 'True' | 'False', reason: string) => ({
  type,
  status,
  reason,
  message: `${reason} it is`,
  at: now,
})

const running: DataflowStatus = {
  name: 'etl',
  folder: '.',
  revision,
  source: revision,
  conditions: [
    condition('Ready', 'True', 'Running'),
    condition('Reconciling', 'False', 'Done'),
    condition('Stalled', 'False', 'ValidRevision'),
  ],
  findings: [],
  functions: [],
  history: [],
}

const statusOf = (findings: Partial<Findings>, before?: ReturnType<typeof resourceStatus>, at = now) =>
  resourceStatus({ generation: 1, isSuspended: false, ...findings }, before, at)

const told = (status: ReturnType<typeof resourceStatus>) =>
  Object.fromEntries(status.conditions!.map(({ type, status, reason }) => [type, `${status} ${reason}`]))

const messageOf = (status: ReturnType<typeof resourceStatus>, type: string) =>
  status.conditions!.find(condition => condition.type === type)!.message

const cases: [
  what: string,
  findings: Partial<Findings>,
  Ready: string,
  Reconciling: string,
  Stalled: string,
][] = [
  ['nothing is known yet', {}, 'Unknown Progressing', 'True Progressing', 'False Progressing'],
  ['all runs', { dataflow: running }, 'True Running', 'False Done', 'False ValidRevision'],
  [
    'the newest revision is refused',
    {
      dataflow: {
        ...running,
        conditions: [condition('Ready', 'True', 'Running'), condition('Stalled', 'True', 'InvalidRevision')],
      },
    },
    'False InvalidRevision',
    'True Progressing',
    'True InvalidRevision',
  ],
  [
    'the credentials are wrong',
    { sourceTrouble: { reason: 'AuthenticationFailed', message: 'no', disposition: 'stalled' } },
    'False AuthenticationFailed',
    'False AuthenticationFailed',
    'True AuthenticationFailed',
  ],
  [
    'Git is away, and nothing ran yet',
    { sourceTrouble: { reason: 'SourceUnreachable', message: 'no', disposition: 'transient' } },
    'False SourceUnreachable',
    'True SourceUnreachable',
    'False Progressing',
  ],
  [
    'Git is away, and all runs',
    {
      dataflow: running,
      sourceTrouble: { reason: 'SourceTimeout', message: 'no', disposition: 'transient' },
    },
    'True Running',
    'True SourceTimeout',
    'False ValidRevision',
  ],
  [
    'the definition is older, and all runs',
    {
      dataflow: running,
      definitionTrouble: { reason: 'DefinitionOutdated', message: 'no', disposition: 'waiting' },
    },
    'True Running',
    'True DefinitionOutdated',
    'False ValidRevision',
  ],
  [
    'the definition is older, and nothing is known yet',
    { definitionTrouble: { reason: 'DefinitionOutdated', message: 'no', disposition: 'waiting' } },
    'Unknown Progressing',
    'True DefinitionOutdated',
    'False Progressing',
  ],
  [
    'the broker is away',
    { trouble: { reason: 'BrokerUnreachable', message: 'no', disposition: 'transient' } },
    'False BrokerUnreachable',
    'True BrokerUnreachable',
    'False Progressing',
  ],
]
Status('is not ready as long as its broker is on a node that is lost, whatever it was before', () => {
  const before = statusOf({ dataflow: running })
  const lost = { reason: 'BrokerNodeLost', message: 'no', disposition: 'transient' as const }
  assert.is(told(statusOf({ trouble: lost }, before)).Ready, 'False BrokerNodeLost')
  const away = { ...lost, reason: 'BrokerUnreachable' }
  assert.is(told(statusOf({ trouble: away }, before)).Ready, told(before).Ready)
})

Status('says of a function that is pinned what it says itself, and not that all else is as it was', () => {
  const conditions = [
    { ...condition('Ready', 'False', 'FunctionPinned'), message: 'parse: pinned' },
    { ...condition('Stalled', 'True', 'FunctionPinned'), message: 'parse: pinned' },
  ]
  const status = statusOf({ dataflow: { ...running, conditions } })
  assert.equal(told(status).Ready, 'False FunctionPinned')
  assert.match(messageOf(status, 'Ready'), /^parse: pinned\. .*dyninka reconcile/)
  assert.not.match(messageOf(status, 'Ready'), 'What ran keeps running')
})

for (const [what, findings, Ready, Reconciling, Stalled] of cases) {
  Status(`${what}: Ready is ${Ready}`, () => {
    assert.equal(told(statusOf(findings)), { Ready, Reconciling, Stalled })
  })
}

Status('says what to do, in the words of who has kubectl', () => {
  const status = statusOf({
    dataflow: { ...running, conditions: [condition('Stalled', 'True', 'InvalidRevision')] },
    sourceTrouble: {
      reason: 'AuthenticationFailed',
      message: 'it refuses',
      disposition: 'stalled',
      hint: 'start again',
    },
  })
  const message = messageOf(status, 'Stalled')
  assert.match(message, 'it refuses. Put a user and token')
  assert.match(message, 'spec.source.secretRef')
  assert.not.match(message, 'start again')
  assert.match(messageOf(status, 'Ready'), `What ran keeps running: ${revision}`)
})

Status('says of a function that is pinned what it says itself, and not that all else is as it was', () => {
  const conditions = [
    { ...condition('Ready', 'False', 'FunctionPinned'), message: 'parse: pinned' },
    { ...condition('Stalled', 'True', 'FunctionPinned'), message: 'parse: pinned' },
  ]
  const status = statusOf({ dataflow: { ...running, conditions } })
  assert.is(told(status).Ready, 'False FunctionPinned')
  assert.match(messageOf(status, 'Ready'), /^parse: pinned\. .*dyninka reconcile/)
  assert.not.match(messageOf(status, 'Ready'), 'What ran keeps running')
})

Status('says what is asked for and not done, for as long as it is', () => {
  const unheeded = { ...condition('Ready', 'True', 'NotSupported'), type: 'Unheeded' as const }
  const unreported = { ...condition('Ready', 'True', 'ForgeUnreachable'), type: 'Unreported' as const }
  const dataflow = { ...running, conditions: [...running.conditions, unheeded, unreported] }
  const status = statusOf({ dataflow })
  assert.is(told(status).Unheeded, 'True NotSupported')
  assert.is(messageOf(status, 'Unheeded'), 'NotSupported it is')
  assert.is(told(status).Unreported, 'True ForgeUnreachable')
  assert.is(told(status).Ready, 'True Running')
  assert.is(told(statusOf({}, status)).Unheeded, 'True NotSupported', 'a controller that has just started')
  assert.is(told(statusOf({ dataflow: running }, status)).Unheeded, undefined)
})

Status('says why the first revision can not be applied, and what to do about it', () => {
  const failed = { ...condition('Reconciling', 'True', 'Forbidden'), hint: 'Raise the quota.' }
  const first = statusOf({ dataflow: { ...running, revision: '', conditions: [failed] } })
  assert.is(told(first).Ready, 'False Forbidden')
  assert.is(messageOf(first, 'Ready'), 'Forbidden it is. Raise the quota.')
  assert.is(messageOf(first, 'Reconciling'), 'Forbidden it is. Raise the quota.')
  const later = statusOf({ dataflow: { ...running, conditions: [running.conditions[0]!, failed] } })
  assert.is(told(later).Ready, 'True Running', 'what ran before keeps running')
})

Status('keeps the time of a condition until its status changes', () => {
  const first = statusOf({ dataflow: running })
  const later = '2026-01-02T00:00:00Z'
  const same = statusOf({ dataflow: running }, first, later)
  assert.equal(same, first)
  const other = statusOf(
    {
      dataflow: running,
      sourceTrouble: { reason: 'SourceTimeout', message: 'no', disposition: 'transient' },
    },
    first,
    later,
  )
  const times = Object.fromEntries(
    other.conditions!.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
  )
  assert.equal(times, { Ready: now, Reconciling: later, Stalled: now })
})

Status('names the zone whose broker does not answer, as long as that lasts, and what runs is ready', () => {
  const zoneBrokers = [{ zone: 'edge', url: 'mqtt://edge:1883', state: 'Away' as const }]
  const zoneTrouble = {
    reason: 'BrokerUnreachable',
    message: 'zone edge: mqtt://edge:1883 does not answer',
    disposition: 'transient' as const,
    hint: 'Start it.',
  }
  const away = statusOf({ dataflow: running, zoneBrokers, zoneTrouble })
  assert.is(told(away).ZoneBrokerAway, 'True BrokerUnreachable')
  assert.match(messageOf(away, 'ZoneBrokerAway'), /zone edge: .*spec.broker.zones/)
  assert.is(told(away).Ready, 'True Running')
  assert.equal(away.zoneBrokers, zoneBrokers)
  const taken = statusOf({}, away)
  assert.is(told(taken).ZoneBrokerAway, 'True BrokerUnreachable', 'who has not looked yet doubts nothing')
  assert.equal(taken.zoneBrokers, zoneBrokers)
  const back = statusOf({ dataflow: running, zoneBrokers: [{ ...zoneBrokers[0]!, state: 'Used' }] }, away)
  assert.is(told(back).ZoneBrokerAway, undefined)
  assert.is(statusOf({ dataflow: running }, back).zoneBrokers, undefined)
})

Status('doubts nothing that an earlier controller saw, until it has looked itself', () => {
  const before = statusOf({ dataflow: running })
  const taken = statusOf({}, before)
  assert.is(told(taken).Ready, 'True Running')
  assert.is(taken.revision, revision)
  // With another spec, it must be seen anew.
  assert.is(told(statusOf({ generation: 2 }, before)).Ready, 'Unknown Progressing')
})

Status('while suspended, leaves what was said of what runs', () => {
  const before = statusOf({ dataflow: running })
  const suspended = statusOf({ isSuspended: true, generation: 2 }, before)
  assert.equal(told(suspended), {
    Ready: 'True Running',
    Reconciling: 'False Suspended',
    Stalled: 'False Suspended',
  })
  assert.is(suspended.observedGeneration, 2)
})

Status('keeps the last five results, and bounds what it says', () => {
  const entry = (n: number) => ({
    revision: `main@sha1:${n}`,
    at: now,
    result: 'Succeeded' as const,
    message: 'x'.repeat(1_000),
    built: ['a', 'b'],
    applied: [],
  })
  const history = [1, 2, 3, 4, 5, 6, 7].map(entry)
  const status = statusOf({ dataflow: { ...running, history } })
  assert.equal(
    status.history!.map(({ revision }) => revision),
    [3, 4, 5, 6, 7].map(n => `main@sha1:${n}`),
  )
  assert.is(status.history![0]!.built, 2)
  assert.ok(status.history![0]!.message!.length <= 300)
})

Status.run()
