import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJson } from '../controller/atomic-file.ts'
import { embeddedBroker, stopEmbeddedBroker } from '../controller/broker/embedded-broker.ts'
import { isAlive, type ProcessIdentity } from '../controller/process-identity.ts'
import { hasMosquitto, mosquitto } from './support/brokers.ts'
import { Cli, temporaryFolder } from './support/cli.ts'

const Start = suite<{ folder: string }>('start of a controller')

Start.before.each(async world => {
  world.folder = await temporaryFolder()
})
Start.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

/** `dyninka run` that must end by itself. */
async function run(folder: string, ...args: string[]) {
  const command = new Cli(['run', '--repo', '.', ...args], { cwd: folder })
  const patience = setTimeout(() => command.process.kill('SIGKILL'), 8_000)
  const said = await command.end()
  clearTimeout(patience)
  return said
}

const unusable = [
  ['in a file system that takes no folder', () => '/proc/x/y'],
  ['in one that takes no file', () => '/proc'],
  ['below a file', (folder: string) => join(folder, 'file', 'state')],
  ['that is a file', (folder: string) => join(folder, 'file')],
] as const
for (const [where, path] of unusable) {
  Start(`ends at once with one error where the state folder is one ${where}`, async ({ folder }) => {
    if (path(folder).startsWith('/proc') && process.platform !== 'linux') return
    await writeFile(join(folder, 'file'), '')
    const { code, stderr } = await run(folder, '--state', path(folder), '--listen', '127.0.0.1:0')
    assert.is(code, 1)
    assert.match(stderr, /^error: cannot write \S+: E[A-Z]+\n {2}hint: The state folder must be one .*\n$/)
  })
}

const refused: [listen: string, says: string][] = [
  ['foo', 'foo is not an address'],
  ['127.0.0.1:99999', '127.0.0.1:99999 is not an address'],
]
for (const [listen, says] of refused) {
  Start(`refuses --listen ${listen} before it starts anything`, async ({ folder }) => {
    const state = join(folder, 'state')
    const { code, stderr } = await run(folder, '--state', state, '--listen', listen)
    assert.is(code, 1)
    assert.match(stderr, says)
    assert.not.ok(existsSync(state))
  })
}

Start('that fails ends the broker that it started, and leaves one that ran before', async ({ folder }) => {
  const state = join(folder, 'state')
  const other = createServer().listen(0, '127.0.0.1')
  other.unref()
  await once(other, 'listening')
  const listen = `127.0.0.1:${(other.address() as AddressInfo).port}`
  const brokerOf = () => readJson<ProcessIdentity>(join(state, 'broker.json'))!
  const first = await run(folder, '--state', state, '--listen', listen)
  assert.match(first.stderr, 'Another program has it')
  assert.not.ok(isAlive(brokerOf()))
  await embeddedBroker(state)
  await run(folder, '--state', state, '--listen', listen)
  assert.ok(isAlive(brokerOf()))
  await stopEmbeddedBroker(state)
})

Start('is refused where the state folder holds what runs for another repository', async ({ folder }) => {
  const state = join(folder, 'state')
  await mkdir(join(state, 'hosts/weather'), { recursive: true })
  await writeFile(join(state, 'hosts/weather/parse-1.json'), '{}')
  await writeFile(join(state, 'origin.json'), '{"source":"https://example.org/other.git","path":""}')
  const { code, stderr } = await run(folder, '--state', state, '--listen', '127.0.0.1:0')
  assert.is(code, 1)
  assert.match(stderr, 'holds what runs for https://example.org/other.git')
  assert.match(stderr, 'dyninka stop --state')
})

Start('refuses a broker that is none before it starts anything', async ({ folder }) => {
  const { code, stderr } = await run(
    folder,
    '--broker',
    'http://ada:secret@localhost',
    '--state',
    join(folder, 'state'),
  )
  assert.is(code, 1)
  assert.match(stderr, 'mqtt://localhost:1883')
  assert.not.match(stderr, 'secret')
  assert.not.ok(existsSync(join(folder, 'state')))
})

Start('refuses a broker that would break a promise, and says what to set', async ({ folder }) => {
  if (!hasMosquitto()) return
  const broker = await mosquitto('retain_available false')
  const { code, stderr } = await run(folder, '--broker', broker.url, '--state', join(folder, 'state'))
  await broker.close()
  assert.is(code, 1)
  assert.match(stderr, /error: the broker at \S+ takes no retained messages/)
  assert.match(stderr, 'retain_available true')
})

Start('refuses to look at the repository all the time', async ({ folder }) => {
  const { code, stderr } = await run(folder, '--interval', '0s')
  assert.is(code, 2)
  assert.match(stderr, 'at least 1s')
})

Start.run()
