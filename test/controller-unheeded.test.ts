import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalOrchestrator } from '../controller/orchestrator/local/local-orchestrator.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { statusOf } from '../controller/status.ts'
import type { FunctionNode } from '../schema/flow.ts'
import { Passes } from './support/passes.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Unheeded = suite<{ folder: string; local: LocalOrchestrator }>('what is asked for and not done')

Unheeded.before(world => {
  world.folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
  world.local = new LocalOrchestrator({
    state: world.folder,
    waysOf: () => ({ home: '', zones: {} }),
    secrets: () => new Map(),
    folderOf: () => world.folder,
  })
})
Unheeded.after(async ({ local, folder }) => {
  await local.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What is said of a dataflow of one function, by what processes of this machine can do. */
function told({ folder, local }: { folder: string; local: LocalOrchestrator }) {
  const orchestrator = Object.assign(new MemoryOrchestrator(), { unheeded: local.unheeded.bind(local) })
  const passes = new Passes(orchestrator, folder)
  return async (more: Partial<FunctionNode>) => {
    await passes.over(flowOf(fn('a', ['tick'], more)))
    return statusOf(passes.dataflow, '').conditions.find(({ type }) => type === 'Unheeded')
  }
}

Unheeded('is said, and no more once nothing of it is asked for', async world => {
  const condition = told(world)
  const placement = { near: [{ function: 'tick', maxRttMs: 10 }], apart: ['out'] }
  const { status, message } = (await condition({ placement, resources: { cpuMillis: 100 } }))!
  assert.is(status, 'True')
  assert.equal(message.split('; '), [
    'a: resources are not held: no process is limited',
    'out: apart from a is not held: there is no other node for it',
  ])
  assert.is(await condition({}), undefined)
})

Unheeded('is nothing of what is followed', async world => {
  const placement = { require: { arch: ['amd64', 'arm64'] }, prefer: [{ zone: 'local', weight: 50 }] }
  assert.is(await told(world)({ placement: { ...placement, zone: 'local', node: 'local' } }), undefined)
})

Unheeded.run()
