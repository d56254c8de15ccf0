import { pino } from 'pino'
import type { Context } from '../../controller/context.ts'
import { Dataflow } from '../../controller/dataflow.ts'
import { InventoryFiles } from '../../controller/inventory-files.ts'
import type { ControllerEvent } from '../../controller/options.ts'
import type { MemoryOrchestrator } from '../../controller/orchestrator/memory-orchestrator.ts'
import { reconcile } from '../../controller/reconcile.ts'
import { Secrets } from '../../controller/secrets.ts'
import type { Flow } from '../../schema/flow.ts'

/** Passes over one dataflow whose functions are built already, without a source. */
export class Passes {
  readonly events: ControllerEvent[] = []
  readonly dataflow = new Dataflow('.')
  readonly context: Context

  constructor(orchestrator: MemoryOrchestrator, folder: string) {
    this.context = {
      broker: orchestrator.broker,
      orchestrator,
      secrets: new Secrets({ state: folder, env: {} }),
      inventories: new InventoryFiles(folder),
      store: folder,
      runtime: { digest: 'sha256:host', path: '/host' },
      silentMs: Number.POSITIVE_INFINITY,
      log: pino({ level: 'silent' }),
      emit: event => this.events.push(event),
      claim: () => undefined,
      record() {},
    }
  }

  /** One pass, with this as the last good revision. */
  async over(flow: Flow): Promise<void> {
    const { inventory } = this.dataflow
    const functions = flow.nodes.filter(({ kind }) => kind === 'function')
    this.dataflow.inventory = {
      v: 1,
      name: flow.name,
      folder: '.',
      revision: 'main@sha1:0',
      artifacts: Object.fromEntries(
        functions.map(({ name }) => [name, { digest: `sha256:${name}`, path: `/${name}` }]),
      ),
      runtime: this.context.runtime,
      sessions: {},
      history: [],
      ...inventory,
      flow,
    }
    await reconcile(this.dataflow, this.context)
  }
}
