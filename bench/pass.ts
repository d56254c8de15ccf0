import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Context } from '../controller/context.ts'
import { Dataflow } from '../controller/dataflow.ts'
import { InventoryFiles } from '../controller/inventory-files.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { reconcile } from '../controller/reconcile.ts'
import { Secrets } from '../controller/secrets.ts'
import { type Bench, median } from './figure.ts'
import { wideFlow } from './support/wide-flow.ts'

const functions = 1_000

/** A pass over a dataflow of 1,000 functions that all run as wanted. Hosts and broker are in memory. */
export default {
  name: 'pass',
  async run({ runs }) {
    const state = await mkdtemp(join(tmpdir(), 'dyninka-'))
    try {
      const orchestrator = new MemoryOrchestrator()
      const inventories = new InventoryFiles(state)
      const flow = wideFlow(functions)
      const artifacts = flow.nodes.map(
        ({ name }) => [name, { digest: `sha256:${name}`, path: `/${name}` }] as const,
      )
      const dataflow = new Dataflow('.')
      dataflow.inventory = {
        v: 1,
        name: flow.name,
        folder: '.',
        revision: 'main@sha1:0',
        flow,
        artifacts: Object.fromEntries(artifacts),
        runtime: { digest: 'sha256:host', path: '/host' },
        sessions: {},
        history: [],
      }
      const context: Context = {
        broker: orchestrator.broker,
        orchestrator,
        secrets: new Secrets({ state, env: {} }),
        inventories,
        store: state,
        runtime: dataflow.inventory.runtime,
        silentMs: Number.POSITIVE_INFINITY, // these hosts report nothing
        log: pino({ level: 'silent' }),
        emit() {},
        claim: () => undefined,
        record() {},
      }
      while (!dataflow.last?.health.ready) await reconcile(dataflow, context)
      const writesBefore = orchestrator.writes + inventories.writes
      const seconds: number[] = []
      for (let run = 0; run < runs; run++) {
        const start = performance.now()
        await reconcile(dataflow, context)
        seconds.push((performance.now() - start) / 1000)
      }
      const writes = orchestrator.writes + inventories.writes - writesBefore
      return [
        {
          name: `pass with nothing to do, ${functions} functions`,
          value: median(seconds),
          unit: 's',
          goal: 0.3,
          better: 'lower',
        },
        { name: 'writes', value: writes, unit: '', goal: 0, better: 'lower' },
      ]
    } finally {
      await rm(state, { recursive: true, force: true })
    }
  },
} satisfies Bench
