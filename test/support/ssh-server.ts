import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from './cli.ts'
import { answers, freePort } from './process-broker.ts'

/** OpenSSH's daemon, which wants to be called by its whole path; undefined where there is none. */
export const sshd = `${process.env.PATH}${delimiter}/usr/sbin`
  .split(delimiter)
  .map(folder => join(folder, 'sshd'))
  .find(file => existsSync(file))

export interface SshServer {
  /** Of a folder on the server, as Git writes it. */
  url(path: string): string
  /** Private key that is let in. */
  keyFile: string
  /** Knows this server's key. */
  knownHostsFile: string
  /** How Git is told to come in: for `git -c core.sshCommand=…`. */
  sshCommand: string
  /** Makes a key pair that is known nowhere. @returns file of the private one */
  makeKey(name: string): Promise<string>
  start(): Promise<void>
  /** The door is shut; sessions that are open end as they like. */
  stop(): Promise<void>
  /** Stops, and removes all that it kept. */
  remove(): Promise<void>
}

/** A real sshd on a free port, in which only its own new key opens the account that runs the tests. */
export async function startSshServer(): Promise<SshServer> {
  if (!sshd) throw new Error('there is no sshd')
  const folder = await temporaryFolder()
  const port = await freePort()
  const { username, uid } = userInfo()
  const makeKey = async (name: string) => {
    const file = join(folder, name)
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
    return file
  }
  const [hostKey, keyFile] = await Promise.all([makeKey('host-key'), makeKey('key')])
  const knownHostsFile = join(folder, 'known-hosts')
  const config = join(folder, 'sshd_config')
  await writeFile(join(folder, 'authorized-keys'), await readFile(`${keyFile}.pub`))
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${await readFile(`${hostKey}.pub`, 'utf8')}`)
  await writeFile(
    config,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${folder}/authorized-keys`,
      'PidFile none',
      'AuthenticationMethods publickey',
      'PermitRootLogin prohibit-password',
      'UsePAM no',
      'StrictModes no', // the temporary folder is everyone's
      'SetEnv GIT_CONFIG_GLOBAL=/dev/null',
      '',
    ].join('\n'),
  )
  // Where a package is installed without being started, root's sshd misses the folder into which it locks itself.
  if (uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  let child: ChildProcess | undefined
  let said = ''
  const server: SshServer = {
    url: path => `ssh://${username}@127.0.0.1:${port}${path}`,
    keyFile,
    knownHostsFile,
    sshCommand: `ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o UserKnownHostsFile=${knownHostsFile} -i ${keyFile}`,
    makeKey,
    async start() {
      child = spawn(sshd!, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      const ended = once(child, 'exit').then(() => {
        throw new Error(`sshd ended: ${said}`)
      })
      ended.catch(() => {})
      await Promise.race([answers(port), ended])
    },
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode) return
      child.kill()
      await once(child, 'exit')
    },
    async remove() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}
