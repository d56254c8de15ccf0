import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Address } from './address.ts'

/** A private key, and the keys of the servers that it may be shown to. */
export interface SshKey {
  /** Default: what SSH itself would try. */
  keyFile?: string
  /** Default: the user's own. */
  knownHostsFile?: string
}

export interface MirrorOptions {
  address: Address
  /** Whether a password is in the environment, for the credential helper. */
  hasCredentials: boolean
  ssh?: SshKey
  maxBlobBytes: number
  /** Folder of another repository's objects, to be read where they are. */
  borrow?: string | undefined
  /** File of SSH keys, `principal key`, in the format of ssh-keygen's ALLOWED SIGNERS. */
  allowedSigners?: string
}

/** Names of the variables that carry credentials to the helper below: not in argv, not on disk. */
export const usernameVariable = 'DYNINKA_GIT_USERNAME'
export const passwordVariable = 'DYNINKA_GIT_PASSWORD'

/**
 * Makes a bare repository that can fetch from the address as `origin`. It is written file by file, so that it
 * holds what is here and nothing else: no hooks, no template of the user. One whose settings are others, or
 * damaged, is made anew.
 */
export async function ensureMirror(folder: string, options: MirrorOptions): Promise<void> {
  const files = {
    HEAD: 'ref: refs/heads/none\n',
    config: configOf(options),
    'objects/info/alternates': options.borrow === undefined ? '' : `${options.borrow}\n`,
  }
  const current = Object.keys(files).map(file => readFile(join(folder, file), 'utf8').catch(() => undefined))
  if (isDeepStrictEqual(await Promise.all(current), Object.values(files))) return
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'objects/info'), { recursive: true })
  await mkdir(join(folder, 'refs'))
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content)
}

function configOf({ address, hasCredentials, ssh, maxBlobBytes, allowedSigners }: MirrorOptions): string {
  const sections = [
    section('core', {
      repositoryformatversion: 1,
      bare: true,
      hooksPath: '/dev/null',
      fsmonitor: false,
      askPass: '',
      ...(address.kind === 'ssh' && { sshCommand: sshCommand(ssh) }),
    }),
    // A partial clone: with a server that can, files over the limit do not even travel.
    section('extensions', { partialClone: 'origin' }),
    section('remote "origin"', {
      url: address.url,
      promisor: true,
      partialclonefilter: `blob:limit=${maxBlobBytes + 1}`,
    }),
    section('fetch', { recurseSubmodules: false }),
    section('gc', { auto: 1000, autoPackLimit: 20, autoDetach: false, pruneExpire: 'now' }),
  ]
  if (hasCredentials) {
    const answer = `printf 'username=%s\\npassword=%s\\n' "$${usernameVariable}" "$${passwordVariable}"`
    // For this server only, were it to redirect. The empty one puts aside the helpers of the user.
    const name = `credential "${new URL(address.url).origin}"`
    sections.push(section(name, { helper: '' }))
    sections.push(section(name, { helper: `!f() { test "$1" = get && ${answer}; }; f` }))
  }
  if (allowedSigners !== undefined) {
    sections.push(section('gpg', { minTrustLevel: 'fully' }))
    sections.push(section('gpg "ssh"', { allowedSignersFile: allowedSigners }))
    // A signature of another kind would be held against the keyring of the user.
    for (const kind of ['openpgp', 'x509']) sections.push(section(`gpg "${kind}"`, { program: '/bin/false' }))
  }
  return sections.join('')
}

function section(name: string, values: Record<string, string | number | boolean>): string {
  const quoted = Object.entries(values).map(
    ([key, value]) => `\t${key} = "${String(value).replace(/["\\]/g, '\\$&')}"\n`,
  )
  return `[${name}]\n${quoted.join('')}`
}

function sshCommand(ssh?: SshKey): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const parts = ['ssh', '-o BatchMode=yes', '-o ConnectTimeout=20']
  if (ssh?.keyFile) parts.push(`-i ${quote(ssh.keyFile)}`, '-o IdentitiesOnly=yes')
  if (ssh?.knownHostsFile) {
    parts.push('-o StrictHostKeyChecking=yes', `-o ${quote(`UserKnownHostsFile="${ssh.knownHostsFile}"`)}`)
  }
  return parts.join(' ')
}
