import { type Command, InvalidArgumentError } from 'commander'
import type { ControllerOptions } from '../../controller/options.ts'
import type { DeclaredLink } from '../../schema/declared-link.ts'
import type { DeclaredNode } from '../../schema/declared-node.ts'
import { durationMs } from '../../schema/duration.ts'
import { cpuMillis, memoryBytes } from '../../schema/quantity.ts'
import { partsOf } from './parts.ts'

export interface ZoneFlags {
  node?: DeclaredNode[]
  link?: DeclaredLink[]
}

/** The options of a command whose machine stands for several. */
export const zoneOptions = (to: Command): Command =>
  to
    .option(
      '--node <NAME,…>',
      'a virtual node: NAME,zone=ZONE,cpu=2,memory=1Gi,arch=arm64,label=KEY=VALUE; may be repeated',
      nodes,
    )
    .option(
      '--link <ZONE~ZONE,…>',
      'what lies between two zones: A~B,rtt=40ms,bandwidth=1MB/s,price=0.05; may be repeated',
      links,
    )

export const zonesOf = ({ node, link }: ZoneFlags): Pick<ControllerOptions, 'nodes' | 'links'> => ({
  ...(node && { nodes: node }),
  ...(link && { links: link }),
})

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/

function nodes(text: string, before: DeclaredNode[] = []): DeclaredNode[] {
  const { name, values } = partsOf(text, ['zone', 'cpu', 'memory', 'arch', 'label'])
  const node: DeclaredNode = {
    name: named(name),
    zone: name,
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    labels: {},
  }
  for (const [key, value] of values) {
    if (key === 'zone') node.zone = named(value)
    if (key === 'arch') node.arch = named(value)
    if (key === 'cpu') node.cpu = positive(cpuMillis(value), `cpu=${value}: it is like 2, 0.5 or 500m.`)
    if (key === 'memory')
      node.memory = positive(memoryBytes(value), `memory=${value}: it is like 512Mi or 1.5G.`)
    if (key !== 'label') continue
    const [label = '', ...rest] = value.split('=')
    if (label === '') throw new InvalidArgumentError(`label=${value}: it is like label=disk=ssd.`)
    node.labels![label] = rest.join('=')
  }
  return [...before, node]
}

function links(text: string, before: DeclaredLink[] = []): DeclaredLink[] {
  const { name, values } = partsOf(text, ['rtt', 'bandwidth', 'price'])
  const [a, b, ...more] = name.split('~')
  if (!a || !b || more.length > 0)
    throw new InvalidArgumentError('It begins with two zones, like edge-1~cloud.')
  const link: DeclaredLink = { zones: [named(a), named(b)], rttMs: Number.NaN }
  for (const [key, value] of values) {
    if (key === 'rtt') link.rttMs = milliseconds(value)
    if (key === 'bandwidth') link.bytesPerSecond = bandwidth(value)
    if (key === 'price') link.pricePerGiB = price(value)
  }
  if (Number.isNaN(link.rttMs)) throw new InvalidArgumentError(`It says no round trip: ${name},rtt=40ms.`)
  return [...before, link]
}

function milliseconds(value: string): number {
  try {
    return durationMs(value)
  } catch {
    throw new InvalidArgumentError(`rtt=${value}: it is a duration such as 40ms or 0.2s.`)
  }
}

const perSecond = /^([0-9.]+)(k|M|G|Ki|Mi|Gi)?(B|bit)\/s$/

/** Bytes a second of `1MB/s`, `512KiB/s` or `8Mbit/s`; `KB` is what people write for `kB`. */
function bandwidth(value: string): number {
  const [, number = '', unit = '', of] =
    perSecond.exec(value.replace(/^([0-9.]+)K/, '$1k').replace('ki', 'Ki')) ?? []
  const bytes = memoryBytes(`${number}${unit}`) / (of === 'bit' ? 8 : 1)
  return positive(bytes, `bandwidth=${value}: it is like 1MB/s, 512KiB/s or 8Mbit/s.`)
}

function price(value: string): number {
  const number = Number(value)
  if (value.trim() !== '' && Number.isFinite(number) && number >= 0) return number
  throw new InvalidArgumentError(`price=${value}: it is money for a GiB, from 0.`)
}

function positive(number: number, otherwise: string): number {
  if (Number.isFinite(number) && number > 0) return number
  throw new InvalidArgumentError(otherwise)
}

function named(text: string): string {
  if (namePattern.test(text)) return text
  throw new InvalidArgumentError(`"${text}" is no name: it has letters, digits, and . _ - in between.`)
}
