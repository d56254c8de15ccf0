import type { Refuge } from './adaptation/refuge.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import { placeText } from './overrides.ts'
import { isReady } from './plan-hosts.ts'

const many = 8
const pinnedReason = 'FunctionPinned'

/** Says how it stands: conditions, history, progress. */
export function report(dataflow: Dataflow, state: NonNullable<Dataflow['last']>, context: Context): void {
  const before = dataflow.last
  dataflow.last = state
  const { desired, changes, health } = state
  const inventory = dataflow.inventory!
  if (dataflow.removed && isGone(state)) {
    context.emit({ type: 'pruned', flow: inventory.name })
    context.inventories.remove(inventory.name)
    dataflow.gone = true
    return
  }
  tellSwaps(dataflow, state, context)
  tellFailures(dataflow, before, state, context)
  const { conditions } = dataflow
  tellPins(dataflow, state)
  tellUnheeded(dataflow, state, context)
  tellDisplaced(dataflow)
  const failed = Object.entries(health.nodes).filter(([, { phase }]) => phase === 'Failed')
  const waiting = Object.entries(health.nodes).filter(
    ([, { phase }]) => phase !== 'Running' && phase !== 'Idle' && phase !== 'Failed',
  )
  const idle = Object.values(health.nodes).filter(({ phase }) => phase === 'Idle').length
  if (health.ready) {
    if (conditions.get('Ready')?.status !== 'True' || inventory.history.at(-1)?.result === 'Progressing') {
      const ms = Math.round(performance.now() - dataflow.offeredAt)
      context.emit({ type: 'ready', flow: inventory.name, revision: inventory.revision, ms })
      context.record(dataflow, inventory.revision, 'Succeeded', 'all functions run')
    }
    conditions.set(
      'Ready',
      'True',
      'Running',
      `${desired.workloads.length - idle} of ${desired.workloads.length} run ${inventory.revision}${idle > 0 ? `, ${idle} wait for work` : ''}`,
    )
    conditions.set('Reconciling', 'False', 'Done', 'nothing left to do')
    return
  }
  const isDrift =
    conditions.get('Ready')?.status === 'True' && inventory.history.at(-1)?.result !== 'Progressing'
  if (isDrift) dataflow.begin() // no revision: a host that ended, say
  const each = [...failed, ...waiting].map(
    ([name, { phase, message }]) => `${name}: ${message ?? phase.toLowerCase()}`,
  )
  // The functions tell the rest themselves.
  const message = each.length > many ? [...each.slice(0, many), `and ${each.length - many} more`] : each
  if (waiting.length > 0) tellWaiting(dataflow, message.join('; '), context)
  const failure = failed.every(([, { pinned }]) => pinned) ? pinnedReason : 'FunctionFailed'
  const reason = failed.length > 0 ? failure : 'Progressing'
  conditions.set('Ready', 'False', reason, message.join('; ') || 'wiring is on its way')
  const isMoving = changes.length > 0 || waiting.length > 0 || dataflow.retry !== undefined
  conditions.set(
    'Reconciling',
    isMoving ? 'True' : 'False',
    dataflow.retry ? 'RegistryUnreachable' : isMoving ? 'Progressing' : 'Waiting',
    message.join('; '),
  )
  if (failed.length > 0 && !isMoving && inventory.history.at(-1)?.result === 'Progressing') {
    context.record(dataflow, inventory.revision, 'Failed', message.join('; '))
  }
  context.inventories.save(inventory)

  function isGone({ observed, changes }: NonNullable<Dataflow['last']>): boolean {
    return observed.hosts.length === 0 && changes.length === 0 && Object.keys(observed.wirings).length === 0
  }
}

/** What takes long. */
function tellWaiting(dataflow: Dataflow, message: string, { emit }: Context) {
  const ms = Math.round(performance.now() - dataflow.offeredAt)
  if (ms < dataflow.patienceMs) return
  dataflow.patienceMs = 2 * ms
  emit({ type: 'waiting', flow: dataflow.inventory!.name, message, ms })
}

/** What is asked for, and not done. */
function tellUnheeded(
  { conditions }: Dataflow,
  { desired }: NonNullable<Dataflow['last']>,
  { orchestrator }: Context,
) {
  const each = [
    ...desired.workloads.flatMap(workload =>
      (orchestrator.unheeded?.(workload) ?? []).map(what => `${workload.node}: ${what}`),
    ),
    ...(desired.unheeded ?? []),
  ]
  if (each.length === 0) return conditions.remove('Unheeded')
  const more = each.length > many ? [`and ${each.length - many} more`] : []
  conditions.set('Unheeded', 'True', 'NotSupported', [...each.slice(0, many), ...more].join('; '))
}

const displacedReasons = {
  lost: 'NodeLost',
  drained: 'NodeDrained',
  closed: 'NodeClosed',
  full: 'NodeFull',
  cut: 'LinkCut',
} as const

const whyOf = ({ stays, reason }: Refuge) => stays?.says ?? reason

/** What runs elsewhere since it can't be where it is decided. */
function tellDisplaced({ conditions, inventory }: Dataflow) {
  const refuges = Object.entries(inventory?.refuges ?? {})
  const [first] = refuges
  if (!first) return conditions.remove('Displaced')
  const each = refuges
    .slice(0, many)
    .map(
      ([name, refuge]) =>
        `${name} ${refuge.stays ? 'stays' : 'runs'} in ${placeText(refuge)}: ${whyOf(refuge)}`,
    )
  const more = refuges.length > many ? [`and ${refuges.length - many} more`] : []
  const failing = refuges.find(([, { stays }]) => !stays)
  const reason = failing ? displacedReasons[failing[1].kind] : 'ReturnDoesNotPay'
  const hint = `\`dyninka move ${first[0]} --back --now\` has it go back all the same.`
  conditions.set('Displaced', 'True', reason, [...each, ...more].join('; '), failing ? '' : hint)
}

/** Nothing more is tried for what is pinned: that takes a commit. */
function tellPins({ conditions }: Dataflow, { revision, health }: NonNullable<Dataflow['last']>) {
  const pinned = Object.entries(health.nodes).filter(([, node]) => node.pinned)
  const stalled = conditions.get('Stalled')
  const isOurs = stalled?.reason === pinnedReason
  if (pinned.length > 0 && (isOurs || stalled?.status !== 'True')) {
    const each = pinned.slice(0, many).map(([name, { message }]) => `${name}: ${message}`)
    const more = pinned.length > many ? [`and ${pinned.length - many} more`] : []
    conditions.set('Stalled', 'True', pinnedReason, [...each, ...more].join('; '))
  } else if (pinned.length === 0 && isOurs)
    conditions.set('Stalled', 'False', 'ValidRevision', `${revision} is valid`)
}

/** A generation that has taken over from another one. */
function tellSwaps({ inventory }: Dataflow, state: NonNullable<Dataflow['last']>, context: Context) {
  for (const change of state.changes) {
    if (change.action !== 'stop' || !(change.node in state.desired.contents)) continue
    const newest = Math.max(
      ...state.observed.hosts.filter(({ node }) => node === change.node).map(host => host.generation),
    )
    if (newest === change.generation || !isReady(change.node, newest, state.observed)) continue
    context.emit({ type: 'swapped', flow: inventory!.name, function: change.node, generation: newest })
  }
}

function tellFailures(
  { inventory }: Dataflow,
  before: Dataflow['last'],
  { health, observed }: NonNullable<Dataflow['last']>,
  context: Context,
) {
  for (const [name, { phase, message, pinned }] of Object.entries(health.nodes)) {
    if (phase !== 'Failed' || pinned || before?.health.nodes[name]?.phase === 'Failed') continue
    const log =
      observed.hosts.filter(host => host.node === name).toSorted((a, b) => b.generation - a.generation)[0]
        ?.lastExit?.log ?? []
    context.emit({ type: 'failed', flow: inventory!.name, function: name, message: message ?? 'failed', log })
  }
}
