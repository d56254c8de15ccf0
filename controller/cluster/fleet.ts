import { rm } from 'node:fs/promises'
import { durationMs } from '../../schema/duration.ts'
import { Problem } from '../../schema/problem.ts'
import { jitterMs } from '../backoff.ts'
import type { Gate } from '../gate.ts'
import { isConflict } from '../kubernetes/api-problem.ts'
import type { Informer } from '../kubernetes/informer.ts'
import { resources } from '../kubernetes/resource.ts'
import type { ControllerEvent } from '../options.ts'
import type { Tenure } from '../tenure.ts'
import { WorkQueue } from '../work-queue.ts'
import { type Door, giveAccess } from './access.ts'
import { type Announcement, announcementOf, failureOf } from './announcement.ts'
import { BrokerChecks } from './broker-checks.ts'
import { readCredentials } from './credentials.ts'
import { Definition, withoutDefinition } from './definition.ts'
import { holdOn } from './departure.ts'
import type { EventRecorder } from './event-recorder.ts'
import { Follower } from './follower.ts'
import { type Surroundings, stateOf } from './follower-options.ts'
import { withHint } from './hints.ts'
import { leave } from './leave.ts'
import { type DataflowResource, finalizer, isNews, keyOf, reconcileAnnotation } from './resource.ts'
import { resourceStatus } from './resource-status.ts'
import { Seat } from './seat.ts'
import { StatusWriter } from './status-writer.ts'

export interface FleetOptions extends Surroundings {
  /** All namespaces when absent. */
  namespace?: string
  /** Label selector: the others are left to other controllers. */
  selector?: string
  /** How many Dataflows begin to be followed at once: a controller that starts has all of them to begin with. */
  opens: Gate
  recorder: EventRecorder
  /** Where people come in. */
  door: Door
  /** Progress, by the key of the Dataflow. */
  onEvent?(key: string, event: ControllerEvent): void
  /** How long a Dataflow that is being deleted may take to end in order. */
  leaveMs: number
  tenure: Tenure
}

/** The Dataflows that this process is in charge of, each with a follower of its own. */
export class Fleet {
  #options: FleetOptions
  #informer: Informer<DataflowResource>
  #queue: WorkQueue
  #seats = new Map<string, Seat>()
  #statuses: StatusWriter
  #checks = new BrokerChecks()
  #definition: Definition
  #isSynced = false

  constructor(options: FleetOptions) {
    this.#options = options
    const { client, namespace, selector, log, tenure } = options
    this.#queue = new WorkQueue(
      key => this.#look(key),
      (key, error) => this.#failed(key, error),
    )
    this.#statuses = new StatusWriter({
      client,
      log,
      signal: tenure.signal,
      find: key => this.#find(key),
      status: (key, resource) => this.#statusOf(key, resource),
      onWritten: resource => this.#informer.take(resource),
    })
    this.#informer = client.watch<DataflowResource>(resources.Dataflow, {
      ...(namespace !== undefined && { namespace }),
      ...(selector !== undefined && { labelSelector: selector }),
      onChange: (now, before) => {
        // What only its status says, we said ourselves.
        if (!now || !before || isNews(now, before)) this.#queue.add(keyOf((now ?? before)!))
      },
      onError: err => log.warn({ err: withoutDefinition(err) }, 'Dataflows could not be watched'),
    })
    this.#definition = new Definition({
      client,
      log,
      signal: tenure.signal,
      onChange: () => {
        for (const key of this.#seats.keys()) this.#statuses.ask(key)
      },
    })
    this.#informer.synced.then(() => {
      this.#isSynced = true
    })
  }

  /** All Dataflows are known. */
  get isSynced(): boolean {
    return this.#isSynced
  }

  /** Those that are followed now. */
  followed(): { key: string; uid: string; follower: Follower }[] {
    return [...this.#seats].flatMap(([key, { uid, follower }]) => (follower ? [{ key, uid, follower }] : []))
  }

  /** Looks at all repositories now. */
  look(): void {
    for (const { follower } of this.#seats.values()) follower?.look()
  }

  /** Lets go of what runs: it keeps running. */
  async close(): Promise<void> {
    await this.#informer.close()
    await this.#definition.settled()
    await this.#queue.close()
    await Promise.all([...this.#seats.values()].map(seat => seat.close()))
    await this.#statuses.settled()
  }

  #find(key: string): DataflowResource | undefined {
    const [namespace, name] = key.split('/')
    return this.#informer.get(name!, namespace!)
  }

  async #look(key: string): Promise<number | undefined> {
    const known = this.#seats.get(key)
    if (known && known.uid !== this.#find(key)?.metadata.uid) await this.#forget(key, known)
    const resource = this.#find(key) // there may be one again
    if (!resource) {
      this.#queue.forget(key)
      return undefined
    }
    const { spec, metadata } = resource
    const seat = this.#seats.get(key) ?? new Seat(metadata.uid!)
    this.#seats.set(key, seat)
    if (metadata.deletionTimestamp !== undefined) return this.#leave(key, seat, resource)
    if (spec.suspend || seat.isTaken) {
      await seat.close()
      delete seat.trouble
      this.#statuses.ask(key)
      return undefined
    }
    const held = await this.#held(resource)
    await this.#open(seat, held)
    await this.#follow(key, seat, held)
    this.#statuses.ask(key)
    return jitterMs(durationMs(spec.source.interval ?? '30s'))
  }

  async #held(resource: DataflowResource): Promise<DataflowResource> {
    if (resource.metadata.finalizers?.includes(finalizer)) return resource
    const { client, tenure } = this.#options
    const held = await holdOn(client, resource, tenure.signal)
    this.#informer.take(held)
    return held
  }

  /** What runs does not wait for who wants to look on. */
  async #open(seat: Seat, resource: DataflowResource): Promise<void> {
    const { client, door, tenure, log } = this.#options
    const asked = resource.metadata.annotations?.[reconcileAnnotation] ?? 'at the start'
    if (seat.openSince === asked) return
    try {
      await giveAccess(client, resource, door, tenure.signal)
      seat.openSince = asked
    } catch (err) {
      log.warn({ err, dataflow: keyOf(resource) }, 'the Secret for access could not be written')
    }
  }

  /** Sees to it that it is followed as its spec says, with the credentials that its Secrets hold now. */
  async #follow(key: string, seat: Seat, resource: DataflowResource): Promise<void> {
    const { client, tenure } = this.#options
    const { signal } = tenure
    const { generation, annotations = {} } = resource.metadata
    if (seat.follower && (seat.follower.generation !== generation || seat.follower.hasLeftBroker))
      await seat.close()
    if (seat.follower) {
      const folder = `${stateOf(this.#options, resource)}/credentials`
      const { version } = await readCredentials(client, resource, { folder, signal })
      if (version !== seat.follower.credentials.version) await seat.close()
    }
    const asked = annotations[reconcileAnnotation]
    const handled = seat.handledReconcile ?? resource.status?.lastHandledReconcile
    if (seat.follower) {
      if (asked !== handled) seat.follower.look()
    } else {
      const open = () =>
        Follower.open({
          ...this.#options,
          checks: this.#checks,
          resource,
          emit: event => this.#emit(key, seat, event),
          onPass: () => {
            if (seat.follower?.hasLeftBroker) this.#queue.add(key)
            this.#statuses.ask(key)
          },
        })
      seat.follower = await this.#options.opens.pass(open, signal)
    }
    if (asked !== handled) seat.follower.parts.reconciler.retry()
    if (asked !== undefined) seat.handledReconcile = asked
    delete seat.trouble
  }

  async #leave(key: string, seat: Seat, resource: DataflowResource): Promise<number | undefined> {
    const againMs = await leave(seat, resource, {
      ...this.#options,
      checks: this.#checks,
      emit: event => this.#emit(key, seat, event),
      onPass: () => this.#queue.add(key),
      announce: announcement => this.#announce(key, announcement),
    })
    if (againMs !== undefined) this.#statuses.ask(key)
    return againMs
  }

  async #forget(key: string, seat: Seat): Promise<void> {
    this.#seats.delete(key)
    this.#statuses.forget(key)
    await seat.close()
    const folder = `${this.#options.state}/dataflows/${seat.uid}`
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }

  async #statusOf(key: string, resource: DataflowResource) {
    const seat = this.#seats.get(key)
    if (!seat || seat.isTaken) return undefined
    const { trouble, follower, handledReconcile } = seat
    const definitionTrouble = this.#definition.trouble
    const found = follower
      ? await follower.findings(resource)
      : { generation: resource.metadata.generation ?? 0 }
    const status = resourceStatus(
      {
        ...found,
        isSuspended: resource.spec.suspend === true,
        ...(trouble && { trouble }),
        ...(definitionTrouble && { definitionTrouble }),
        ...(handledReconcile !== undefined && { handledReconcile }),
      },
      resource.status,
      new Date().toISOString().replace(/\.\d+/, ''),
    )
    if (definitionTrouble && seat.tell('definition', definitionTrouble.reason)) {
      const { reason, message, hint } = definitionTrouble
      this.#announce(key, {
        type: 'Warning',
        reason,
        action: 'Run',
        note: withHint(reason, message, hint),
        of: message,
      })
    }
    seat.settle(new Set(status.conditions!.map(({ reason }) => reason)))
    return status
  }

  #emit(key: string, seat: Seat, event: ControllerEvent): void {
    this.#options.onEvent?.(key, event)
    const isFailure = event.type === 'source-failed' || event.type === 'pass-failed'
    if (isFailure && event.reason === 'InventoryTaken') {
      seat.isTaken = true
      this.#queue.add(key)
    }
    // A pass that fails is tried again and again: told once, until it goes well.
    if (isFailure && !seat.tell(failureOf(event), event.reason)) return
    const announcement = announcementOf(event)
    if (announcement) this.#announce(key, announcement)
  }

  #announce(key: string, announcement: Announcement): void {
    const { recorder, tenure } = this.#options
    const resource = this.#find(key)
    if (resource) recorder.announce(resource, announcement, tenure)
  }

  #failed(key: string, error: unknown): void {
    const { log, tenure } = this.#options
    // Somebody else wrote meanwhile: it is tried again with what there is now.
    if (tenure.signal.aborted || isConflict(error)) return
    const problem =
      error instanceof Problem
        ? error
        : new Problem('InternalError', (error as Error).message, { cause: error })
    log.warn({ dataflow: key, err: error, reason: problem.reason }, 'a Dataflow could not be followed')
    const seat = this.#seats.get(key)
    if (!seat) return
    seat.trouble = problem
    const { reason, message, hint, subject } = problem
    this.#emit(key, seat, {
      type: 'pass-failed',
      flow: key.split('/')[1]!,
      reason,
      message,
      ...(hint !== undefined && { hint }),
      ...(subject !== undefined && { subject }),
    })
    this.#statuses.ask(key)
  }
}
