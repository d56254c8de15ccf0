import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startCluster } from './cluster.ts'
import { busyboxImage } from './images.ts'
import { sweep } from './ledger.ts'
import { restrictedPod } from './pod.ts'

const Cleanup = suite('cleanup of a cluster')

const pods = [1, 2].map(number =>
  restrictedPod(`sleeper-${number}`, {
    image: busyboxImage,
    command: ['sleep', '3600'],
    node: `node-${number}`,
  }),
)

Cleanup('leaves nothing on the machine', async () => {
  const before = traces()
  const cluster = await startCluster({ runtime: false })
  try {
    await cluster.apply(...pods)
    await cluster.kubectl('wait', 'pods', '--all', '--for=condition=Ready', '--timeout=60s')
    const during = traces()
    assert.ok(during.processes.some(command => command.startsWith('sleep 3600')))
    assert.ok(during.links.some(name => name.startsWith('dyninka')))
    assert.ok(during.cgroups.some(path => path.includes('kubepods')))
  } finally {
    await cluster.stop()
  }
  assert.equal(await settled(before), before)
})

Cleanup('leaves nothing when it can not start', async () => {
  const before = traces()
  const failed = await startCluster({ runtime: false, mosquitto: 'no such setting' }).catch(error => error)
  assert.match(String(failed), /mosquitto ended/)
  assert.equal(await settled(before), before)
})

Cleanup('leaves what the next start removes when its test is killed', async () => {
  const before = traces()
  const source = `
    const { startCluster } = await import(${JSON.stringify(new URL('cluster.ts', import.meta.url).href)})
    const cluster = await startCluster({ runtime: false })
    await cluster.apply(...${JSON.stringify(pods)})
    await cluster.kubectl('wait', 'pods', '--all', '--for=condition=Ready', '--timeout=60s')
    console.log('up')
    setInterval(() => {}, 1_000)
  `
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const killed = await settled({ ...traces(), ...before, folders: [], cgroups: [] })
  assert.equal({ ...killed, folders: 0, cgroups: 0 }, { ...before, folders: 0, cgroups: 0 })
  assert.is.not(killed.cgroups.length, before.cgroups.length)
  await sweep()
  assert.equal(await settled(before), before)
})

interface Traces {
  /** Command lines of what a cluster consists of. */
  processes: string[]
  links: string[]
  mounts: string[]
  rules: string
  routes: string
  cgroups: string[]
  folders: string[]
}

/** All that a cluster could leave. */
function traces(): Traces {
  const said = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' })
  return {
    processes: readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(commandOf)
      .filter(command =>
        /\b(etcd|kube|containerd|docker-registry|unshare|sleep (3600|infinity|2147483647))/.test(command),
      )
      .sort(),
    links: JSON.parse(said('ip', '-json', 'link')).map(({ ifname }: { ifname: string }) => ifname),
    mounts: readFileSync('/proc/mounts', 'utf8').trim().split('\n').sort(),
    rules: said('iptables', '-S') + said('iptables', '-t', 'nat', '-S'),
    routes: said('ip', 'route'),
    cgroups: globSync('/sys/fs/cgroup/*/dyninka-kube-*/**/').filter(isOurs).sort(),
    folders: globSync(`${tmpdir()}/dyninka-kube-*`),
  }
}

/** Groups are all that this suite shares with other clusters, whose folders are where its own would be. */
function isOurs(cgroup: string): boolean {
  const [name] = /dyninka-kube-[^/]+/.exec(cgroup)!
  return !existsSync(join(dirname(tmpdir()), name))
}

/** Waits for traces to be those: the kernel removes networks in its own time. @returns what they are */
async function settled(wanted: Traces): Promise<Traces> {
  for (const end = Date.now() + 5_000; ; await sleep(100)) {
    const now = traces()
    if (JSON.stringify(now) === JSON.stringify(wanted) || Date.now() > end) return now
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return '' // it has ended
  }
}

if (process.env.DYNINKA_TEST_ALONE) Cleanup.run()
else {
  // Where no other cluster comes and goes: with processes, mounts and networks of its own.
  const folder = mkdtempSync(join(tmpdir(), 'dyninka-cleanup-'))
  const env = { ...process.env, TMPDIR: folder }
  const script = 'ip link set lo up; exec "$@"'
  const { status } = spawnSync(
    'unshare',
    [
      ...[
        '--net',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        '--',
        'sh',
        '-ec',
        script,
        'sh',
      ],
      ...[process.execPath, fileURLToPath(import.meta.url)],
    ],
    { stdio: 'inherit', env: { ...env, DYNINKA_TEST_ALONE: 'true' } },
  )
  // What a test that failed left is written in that folder alone.
  const runner = fileURLToPath(new URL('run.ts', import.meta.url))
  spawnSync(process.execPath, [runner, '--clean'], { stdio: 'inherit', env })
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = status ?? 1
}
