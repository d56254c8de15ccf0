import { spawnSync } from 'node:child_process'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { connectAsync } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJson, writeAtomic } from '../controller/atomic-file.ts'
import { embeddedBroker, stopEmbeddedBroker } from '../controller/broker/embedded-broker.ts'
import { cli, temporaryFolder } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { startGitServer } from './support/git-server.ts'
import { makeRepository } from './support/repository.ts'

interface Trouble {
  reason: string
  message: string
}

const Disk = suite('state that can not be written')

const yaml = (name: string) => `apiVersion: dyninka.dev/v1
name: stored
sources:
  tick: { every: 100ms }
functions:
  ${name}: { code: count.ts, from: tick }
`

Disk('keeps the old file where the disk is full, and says so', async () => {
  const folder = await temporaryFolder()
  const path = `${folder}/file.json`
  writeAtomic(path, 'old')
  if (process.platform === 'linux') {
    symlinkSync('/dev/full', `${path}.${process.pid}.tmp`)
    assert.throws(
      () => writeAtomic(path, 'new'),
      (error: { reason: string }) => error.reason === 'DiskFull',
    )
    assert.is(readFileSync(path, 'utf8'), 'old')
  }
  writeAtomic(path, 'new')
  assert.is(readFileSync(path, 'utf8'), 'new')
  rmSync(folder, { recursive: true })
})

Disk('is a condition with a reason; the controller goes on, and all recovers with the state', async () => {
  const repository = await makeRepository()
  const push = (name: string) =>
    repository.publish({ 'dataflow.yaml': yaml(name), 'count.ts': 'export default () => 1\n' })
  await push('first')
  const controlled = await Controlled.over({ repo: repository.bare })
  try {
    await controlled.ready()
    const { pid } = readJson<{ pid: number }>(`${controlled.state}/controller.json`)!
    const folders = ['inventory', 'hosts/stored'].map(name => `${controlled.state}/${name}`)
    for (const folder of folders) {
      renameSync(folder, `${folder}.away`)
      writeFileSync(folder, '')
    }
    const commit = await push('second')
    process.kill((await controlled.pids()).tick!, 'SIGKILL')
    await until('a condition says why', async () =>
      (await controlled.status())!.conditions.some(({ reason }) => reason === 'StateUnusable'),
    )
    assert.ok(
      controlled.events.some(event => event.type === 'pass-failed' && event.reason === 'StateUnusable'),
      'whoever watches is told',
    )
    await until(
      'the host that could not be started says why',
      async () => (await controlled.functions()).tick?.phase === 'Failed',
    )
    const before = process.platform === 'linux' ? cpuTicks(pid) : 0
    await sleep(1_000)
    if (process.platform === 'linux') assert.ok(cpuTicks(pid) - before < 50, 'it does not spin')
    for (const folder of folders) {
      rmSync(folder)
      renameSync(`${folder}.away`, folder)
    }
    await controlled.ready(commit)
    assert.is(readJson<{ pid: number }>(`${controlled.state}/controller.json`)!.pid, pid)
  } finally {
    await controlled.remove()
    await repository.remove()
  }
})

/** A disk of its own, as small as that; undefined where this user may not mount one. */
async function smallDisk(megabytes: number) {
  const path = await temporaryFolder()
  const mount = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]
  if (process.getuid?.() === 0 && spawnSync('mount', mount).status === 0) {
    const filler = join(path, 'filler')
    const free = () => statfsSync(path).bavail
    return {
      path,
      /** @param leftKb room that is left */
      fill(leftKb = 0) {
        spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'])
        if (leftKb > 0) truncateSync(filler, statSync(filler).size - leftKb * 1024)
      },
      async clear() {
        rmSync(filler)
        await until('the room is back', () => free() > 100) // some kernels take their time
      },
      empty() {
        for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true })
      },
      remove() {
        spawnSync('umount', ['-l', path])
        rmdirSync(path)
      },
    }
  }
  rmdirSync(path)
  return undefined
}

const disk = await smallDisk(4)
if (!disk) console.log('this user can not mount a small disk: a full one is not tested')
const onSmallDisk = disk ? Disk : Disk.skip
Disk.before.each(() => disk?.empty())
Disk.after(() => disk?.remove())

onSmallDisk(
  'that is full is told with its place; what runs goes on, and all recovers with the room',
  async () => {
    const repository = await makeRepository()
    const server = await startGitServer(repository.root)
    const push = (value: number) =>
      repository.publish({
        'dataflow.yaml': `${yaml('count')}sinks:\n  out: { from: count, log: {} }\n`,
        'count.ts': `export default () => ${value}\n`,
      })
    await push(1)
    const controlled = await Controlled.over(
      { repo: `${server.url}/repository.git`, intervalMs: 200 },
      disk!.path,
    )
    try {
      await controlled.ready()
      const before = await controlled.pids()
      disk!.fill()
      const commit = await push(2)
      const trouble = async () =>
        (await controlled.get<{ source: { trouble?: Trouble } }>('/api/status')).source.trouble
      await until(
        'it says what is full',
        async () => (await trouble())?.reason === 'DiskFull',
        () => JSON.stringify(controlled.events),
      )
      assert.match((await trouble())!.message, disk!.path)
      const { recordsIn } = (await controlled.functions()).out!
      await until('records go on', async () => (await controlled.functions()).out!.recordsIn > recordsIn)
      assert.equal(await controlled.pids(), before)
      await disk!.clear()
      await controlled.ready(commit, 80_000) // it has tried again and again, after up to a minute
      assert.is((await controlled.pids()).out, before.out)
    } finally {
      await controlled.remove().catch(() => {}) // the folder itself is the disk
      await server.stop()
      await repository.remove()
    }
  },
)

onSmallDisk('that is full is told by a controller that starts, and costs nothing of what runs', async () => {
  const repository = await makeRepository()
  const files = { 'dataflow.yaml': yaml('count'), 'count.ts': 'export default () => 1\n' }
  await repository.publish(files)
  const controlled = await Controlled.over({ repo: repository.bare }, disk!.path)
  try {
    await controlled.ready()
    const before = await controlled.pids()
    await controlled.kill()
    disk!.fill()
    const { code, stderr } = await run(repository.bare, disk!.path)
    assert.is(code, 1)
    assert.match(
      stderr,
      /^error: cannot write \S+: no room is left\n {2}hint: Make room .*, and start it again\./,
    )
    await disk!.clear()
    await controlled.start()
    await controlled.ready()
    assert.equal(await controlled.pids(), before)
  } finally {
    await controlled.remove().catch(() => {})
    await repository.remove()
  }
})

onSmallDisk('that is nearly full is told as such, wherever the start ends', async () => {
  const repository = await makeRepository()
  for (const leftKb of [8, 72]) {
    disk!.fill(leftKb)
    const { code, stderr } = await run(repository.bare, disk!.path)
    assert.is(code, 1)
    assert.match(stderr, /^error: cannot write \S+: no room is left\n/)
    await disk!.clear()
  }
  await repository.remove()
})

onSmallDisk('that is full keeps the embedded broker from ending; nothing that it has is lost', async () => {
  const state = disk!.path
  const { url } = await embeddedBroker(state)
  const connect = () => connectAsync(url, { clientId: 'session', clean: false, reconnectPeriod: 0 })
  const first = await connect()
  await first.subscribeAsync('d/x', { qos: 1 })
  await first.endAsync()
  const publisher = await connectAsync(url, { reconnectPeriod: 0 })
  await publisher.publishAsync('d/kept', 'kept', { qos: 1, retain: true })
  await publisher.publishAsync('d/x', 'queued', { qos: 1 })
  disk!.fill()
  const { code, stderr } = await cli(['stop', '--state', state])
  assert.is(code, 1)
  assert.match(
    stderr,
    /^error: the embedded broker can not save its sessions, and goes on\n {2}hint: Make room /,
  )
  assert.not.ok(publisher.connected, 'what it saves, nobody changes behind its back')
  assert.equal(await embeddedBroker(state), { url, adopted: true })
  await disk!.clear()
  await stopEmbeddedBroker(state)
  assert.is((await embeddedBroker(state)).url, url)
  const got: string[] = []
  const again = await connectAsync(url, { clientId: 'reader', reconnectPeriod: 0 })
  again.on('message', (_topic, payload) => got.push(payload.toString()))
  await again.subscribeAsync('d/kept')
  const session = mqtt.connect(url, { clientId: 'session', clean: false, reconnectPeriod: 0 })
  session.on('message', (_topic, payload) => got.push(payload.toString()))
  await until('what was queued and what was retained is there', () => got.length === 2)
  assert.equal(got.toSorted(), ['kept', 'queued'])
  await Promise.all([again.endAsync(), session.endAsync()])
  await stopEmbeddedBroker(state)
})

Disk('costs a host lines of its log, and no more: nothing is thrown that would be logged again', async () => {
  if (process.platform !== 'linux') return
  const program = `
    import { logger } from ${JSON.stringify(new URL('../runtime/log.ts', import.meta.url).href)}
    let thrown = 0
    process.on('uncaughtException', () => { thrown += 1 })
    const log = logger({})
    for (let n = 0; n < 20_000; n++) log.info('a line')
    setTimeout(() => process.stderr.write(String(thrown)), 50)`
  const full = openSync('/dev/full', 'w')
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', full, 'pipe'],
    timeout: 30_000,
  })
  closeSync(full)
  assert.equal([status, String(stderr)], [0, '0'])
})

Disk('that can not be read is put aside: sessions that a broker saved are never thrown away', async () => {
  const state = await temporaryFolder()
  const file = join(state, 'broker-sessions.json')
  writeFileSync(file, '{"v":2}')
  await embeddedBroker(state)
  assert.is(readFileSync(`${file}.unreadable`, 'utf8'), '{"v":2}')
  assert.match(readFileSync(join(state, 'logs', 'broker.log'), 'utf8'), 'starts without sessions')
  await stopEmbeddedBroker(state)
  rmSync(state, { recursive: true })
})

/** A controller that can't start. */
function run(repo: string, state: string) {
  return cli(['run', '--repo', repo, '--state', state, '--listen', '127.0.0.1:0'])
}

/** Of 10 ms, by proc(5). */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}

Disk.run()
