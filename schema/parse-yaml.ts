import { constructFromEvents, parseEvents, YAMLException } from 'js-yaml'
import type { Finding } from './finding.ts'
import type { SourceText } from './source-text.ts'
import { YamlDocument } from './yaml-document.ts'
import { syntaxFinding } from './yaml-syntax.ts'
import { YamlWalk } from './yaml-walk.ts'

/** Reads the plain part of YAML that the language allows. The document is there, for further checks, unless what
 *  was found leaves its meaning open. @throws never */
export function parseYaml(source: SourceText): { document?: YamlDocument; findings: Finding[] } {
  try {
    const events = parseEvents(source.text, { filename: source.file })
    const { findings, ranges } = new YamlWalk(source, events)
    if (findings.some(finding => !harmless.has(finding.code))) return { findings }
    if (!ranges.has('')) return { findings: [source.finding(0, 'empty-file', ...nothing)] }
    // `json`: of a key that is there twice, the last one counts.
    const [value] = constructFromEvents(events, { source: source.text, json: true })
    return { document: new YamlDocument(source, value, ranges), findings }
  } catch (error) {
    if (error instanceof YAMLException) return { findings: [syntaxFinding(source, error)] }
    throw error
  }
}

const harmless = new Set(['yaml-duplicate-key', 'yaml-anchor'])

const nothing = ['This file has nothing in it.', 'Run `dyninka init` for a working example.'] as const
