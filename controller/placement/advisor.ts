import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Finding } from '../../schema/finding.ts'
import { Problem } from '../../schema/problem.ts'
import { jitterMs } from '../backoff.ts'
import type { Dataflow } from '../dataflow.ts'
import type { Forge } from '../forge/forge.ts'
import { defaultPrefix, type Outcome, type ProposalRules } from '../forge/proposal.ts'
import { Proposals } from '../forge/proposals.ts'
import type { ControllerEvent, Proposing } from '../options.ts'
import type { Source } from '../source/index.ts'
import type { TelemetryFile } from '../telemetry/file.ts'
import { WorkQueue } from '../work-queue.ts'
import { advise, isAgainst, lackOf, type Plan } from './advice.ts'
import { attachment, replayCommand } from './attachment.ts'
import { checkProposal } from './check-proposal.ts'
import { contradictionOf } from './contradiction.ts'
import { defaultRules } from './decision.ts'
import { Highs } from './highs.ts'
import { proposalOf } from './proposal.ts'
import { realisedOf, realisedText } from './realised.ts'
import { situationOf } from './situation/situation.ts'
import { placesOf } from './situation/traffic.ts'
import { suggestionText } from './suggestion-text.ts'

export interface AdvisorOptions {
  source: Pick<Source, 'proposalBranch'>
  forge: Forge
  proposing: ProposalRules & Pick<Proposing, 'branchPrefix' | 'rules' | 'horizonHours' | 'settlingMs'>
  /** Zone of each broker that nothing else tells, by URL. */
  brokerZones: Readonly<Record<string, string>>
  /** By zone that has a broker: its URL. */
  zoneUrls: Readonly<Record<string, string>>
  /** Between two looks at a dataflow. */
  everyMs: number
  /** What was measured of a dataflow of late. */
  telemetry(dataflow: Dataflow): Promise<TelemetryFile>
  log: Logger
  emit(event: ControllerEvent): void
}

const secondsToSolve = 10
/** Reasons that are over once the next look finds nothing of them. */
const passing = new Set(['NotSettled', 'TelemetryMissing', 'TelemetryStale'])

/** Looks at what is measured of each dataflow, and keeps a pull request for what would be better. */
export class Advisor {
  #options: AdvisorOptions
  #dataflows = new Map<string, Dataflow>()
  #queue: WorkQueue
  #closing = new AbortController()

  constructor(options: AdvisorOptions) {
    this.#options = options
    this.#queue = new WorkQueue(
      name => this.#look(name),
      (name, error) => this.#failed(name, error),
    )
  }

  /** After each pass: one that is new is looked at from now on. */
  after(dataflow: Dataflow): void {
    const { name } = dataflow
    if (dataflow.removed) {
      this.#dataflows.delete(name)
      this.#queue.forget(name)
    } else if (dataflow.inventory && this.#dataflows.get(name) !== dataflow) {
      this.#dataflows.set(name, dataflow)
      this.#queue.add(name)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#queue.close()
  }

  async #look(name: string): Promise<number | undefined> {
    const { everyMs } = this.#options
    const dataflow = this.#dataflows.get(name)
    if (!dataflow) return undefined
    const { signal } = this.#closing
    const unsettled = whyUnsettled(dataflow)
    if (unsettled === undefined) await this.#advise(dataflow, signal)
    else if (dataflow.suggestion) {
      this.#leave(dataflow, { reason: 'NotSettled', message: unsettled })
      dataflow.suggestion.state = 'held'
    }
    return jitterMs(unsettled === undefined ? everyMs : Math.min(everyMs, 30_000))
  }

  async #advise(dataflow: Dataflow, signal: AbortSignal): Promise<void> {
    const { telemetry, brokerZones, zoneUrls, source, forge, proposing } = this.#options
    const { flow } = dataflow.inventory!
    const file = await telemetry(dataflow)
    if (file.windows.length === 0)
      return this.#leave(dataflow, { reason: 'TelemetryMissing', message: 'nothing was measured of it yet' })
    const places = placesOf(flow, file.header.broker, zoneUrls, brokerZones)
    const situation = situationOf(file, flow, places, proposing)
    await using highs = new Highs()
    const rules = { ...defaultRules, ...proposing.rules }
    const advice = await advise(
      situation,
      { seconds: secondsToSolve, now: () => performance.now(), highs, signal },
      rules,
    )
    signal.throwIfAborted()
    const branch = source.proposalBranch!(`${proposing.branchPrefix ?? defaultPrefix}${flow.name}`)
    const proposals = new Proposals(forge, branch, proposing)
    const { chosen } = advice
    const base = await this.#base(dataflow)
    const findings = contradictionOf(advice.conflict ?? [], base.before, base.path)
    if (chosen) {
      const command = replayCommand(file.header, places, proposing)
      const text = suggestionText(flow.name, situation, advice, chosen, command, findings)
      const proposal = proposalOf(flow, chosen, text, { ...base, telemetry: attachment(file) })
      const { offered, folder } = dataflow
      await checkProposal(proposal, join(offered!.tree, folder), file.header.nodes)
      this.#tell(dataflow, chosen, await proposals.keep(proposal, signal))
    } else if (isAgainst(advice, situation, rules))
      this.#tell(dataflow, undefined, await proposals.keep(undefined, signal))
    else this.#leave(dataflow, lackOf(situation, rules))
    this.#tellContradiction(dataflow, findings, chosen)
    const merged = await proposals.merged(signal)
    const realised = merged && realisedOf(situation, merged, { ...proposing, fewest: rules.windows })
    if (realised) await proposals.tell(merged, realisedText(merged.worth, realised), signal)
    await proposals.tidy(signal)
  }

  async #base({ offered, folder }: Dataflow) {
    const { branch, commit, tree } = offered!
    const path = join(folder, 'dataflow.yaml')
    return { base: { branch, commit }, path, before: await readFile(join(tree, path), 'utf8') }
  }

  #tell(dataflow: Dataflow, plan: Plan | undefined, outcome: Outcome): void {
    const { kind } = outcome
    if (kind === 'nothing') delete dataflow.suggestion
    else {
      const url = 'url' in outcome ? outcome.url : undefined
      const lacks = 'lacks' in outcome ? outcome.lacks : undefined
      dataflow.suggestion = {
        state: kind,
        moves: plan?.moves.map(({ item, to }) => ({ function: item, zone: to.zone, node: to.node })) ?? [],
        ...(plan && { savesPerHour: plan.decision.benefit.mean }),
        ...(url !== undefined && { url }),
        ...(kind === 'held' && { reason: outcome.reason, message: outcome.message }),
        ...(lacks && { reason: lacks.reason, message: lacks.message }),
        at: new Date().toISOString(),
      }
    }
    if (kind === 'opened' || kind === 'updated' || kind === 'withdrawn')
      this.#options.emit({ type: 'suggested', flow: dataflow.name, state: kind, url: outcome.url })
  }

  /** Nothing speaks for a move, nor against the one that is proposed. @param lack why nothing can be told */
  #leave(dataflow: Dataflow, lack: { reason: string; message: string } | undefined): void {
    const { state, reason, moves = [], savesPerHour, url } = dataflow.suggestion ?? {}
    const isOpen = url !== undefined && state !== 'withdrawn'
    // What a person has to say stays said.
    if (!lack && state !== 'failed' && !passing.has(reason ?? '')) return
    if (!lack && !isOpen) {
      delete dataflow.suggestion
      return
    }
    dataflow.suggestion = {
      state: !lack ? 'unchanged' : isOpen ? 'held' : 'failed',
      moves,
      ...(savesPerHour !== undefined && { savesPerHour }),
      ...(isOpen && { url }),
      ...lack,
      at: new Date().toISOString(),
    }
  }

  /** Whatever is suggested keeps most of the rules at best: a person has to change one. */
  #tellContradiction(dataflow: Dataflow, findings: Finding[], plan: Plan | undefined): void {
    const reason = 'RulesContradict'
    if (findings.length === 0) {
      if (dataflow.suggestion?.reason === reason) delete dataflow.suggestion
      return
    }
    const places = findings.map(({ file, line, column }) => `${file}:${line}:${column}`)
    dataflow.suggestion = {
      ...((plan && dataflow.suggestion) ?? { state: 'failed', moves: [], at: new Date().toISOString() }),
      reason,
      message: `${places.join(', ')}: ${findings[0]!.message}`,
    }
  }

  #failed(name: string, error: unknown): void {
    const dataflow = this.#dataflows.get(name)
    if (!dataflow || this.#closing.signal.aborted) return
    const { reason, message, hint } =
      error instanceof Problem ? error : new Problem('InternalError', (error as Error).message)
    const isNews = dataflow.suggestion?.reason !== reason
    dataflow.suggestion = { state: 'failed', moves: [], reason, message, at: new Date().toISOString() }
    this.#options.log.warn({ flow: name, reason, err: error }, 'no suggestion could be made')
    if (isNews)
      this.#options.emit({
        type: 'report-failed',
        flow: name,
        reason,
        message,
        ...(hint !== undefined && { hint }),
      })
  }
}

/** What is not what the repository says tells nothing about it. @returns undefined where it is */
function whyUnsettled({ inventory, offered, conditions }: Dataflow): string | undefined {
  const stalled = conditions.get('Stalled')
  if (inventory?.revision !== offered?.id)
    return stalled?.status === 'True' ? stalled.message : 'its newest revision is on its way'
  if (conditions.get('Ready')?.status !== 'True') return 'not all of it runs'
  const { moves = {}, switches = {}, refuges = {} } = inventory!
  // What could go back, and stays, is a matter of costs: a suggestion may make that its place.
  const fled = Object.keys(refuges).filter(name => !refuges[name]!.stays)
  const [name] = [...Object.keys({ ...moves, ...switches }), ...fled]
  return name === undefined ? undefined : `${name} is not where its file says, for now`
}
