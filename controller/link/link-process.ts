/** Keeps the links between virtual zones: a process of its own, so that hosts reach their broker while no controller runs. */
import { writeJson } from '../atomic-file.ts'
import { identify } from '../process-identity.ts'
import { Link } from './link.ts'
import type { LinkFile, LinkOrder } from './links.ts'
import type { Way } from './ways.ts'

const [file, json] = process.argv.slice(2) as [string, string]
const { declared, ways, isBack } = JSON.parse(json) as LinkOrder

const links = declared.map(link => ({ zones: link.zones, link: new Link(link) }))
const opened: Way[] = []
for (const way of ways) {
  const { link } = links.find(({ zones }) => zones.includes(way.from) && zones.includes(way.to))!
  const { hostname, port } = new URL(way.broker)
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 1883) }
  const listening = await link.open(way.from, target, way.port).catch((error: Error) => {
    if (isBack) throw error // hosts know that port alone: the next try may find it free
    return link.open(way.from, target)
  })
  opened.push({ ...way, port: listening })
}
writeJson(file, { ...identify(process.pid)!, declared, ways: opened } satisfies LinkFile)
process.send?.({ ways: opened })
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => {}) // one Ctrl-C in a terminal is for the controller, which ends the rest
