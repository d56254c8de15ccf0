import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostBundle } from '../builder/index.ts'

const Host = suite<{ store: string }>('builder: host')

Host.before.each(async place => {
  place.store = await mkdtemp(join(tmpdir(), 'dyninka-store-'))
})
Host.after.each(({ store }) => rm(store, { recursive: true }))

Host('makes one file that runs with no packages beside it', async ({ store }) => {
  const { path } = await hostBundle(store, 'test/fixtures/builder/logging-host.ts')
  await copyFile(join(path, 'host.mjs'), join(store, 'alone.mjs'))
  const { stdout } = await promisify(execFile)(process.execPath, [join(store, 'alone.mjs')], { cwd: store })
  const { level, msg, bytes } = JSON.parse(stdout)
  assert.equal({ level, msg, bytes }, { level: 30, msg: 'ready', bytes: 2 })
})

Host('keeps the host itself, under the same digest each time', async ({ store }) => {
  const first = await hostBundle(store)
  const second = await hostBundle(store)
  assert.equal(second, first)
  assert.ok(first.inputs.includes('runtime/host.ts'))
  await promisify(execFile)(process.execPath, ['--check', join(first.path, 'host.mjs')])
})

Host.run()
