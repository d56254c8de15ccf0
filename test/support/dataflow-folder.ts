import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Finding } from '../../schema/index.ts'

/** A temporary folder with these files. */
export async function makeFolder(
  files: Record<string, string>,
): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-'))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) }
}

/** Takes marks out of a text: `«code»` stands before the place where a finding with that code is expected. */
export function marked(text: string): { text: string; expected: string[] } {
  const expected: string[] = []
  let plain = ''
  for (const [index, part] of text.split(/«([a-z0-9-]+)»/).entries()) {
    if (index % 2 === 0) plain += part
    else {
      const lines = plain.split('\n')
      expected.push(`${lines.length}:${lines.at(-1)!.length + 1} ${part}`)
    }
  }
  return { text: plain, expected }
}

export const places = (findings: Finding[]) =>
  findings.map(({ line, column, code }) => `${line}:${column} ${code}`)

/** As a person reads it: for comparing what is said. */
export const said = (findings: Finding[]) => findings.map(({ message, hint }) => `${message} ${hint}`)

/** A whole dataflow around the sections that a test is about. */
export function around(sections: string): string {
  const has = (key: string) => new RegExp(`^(«[a-z-]+»)?${key}:`, 'm').test(sections)
  return [
    ...(has('apiVersion') ? [] : ['apiVersion: dyninka.dev/v1']),
    ...(has('name') ? [] : ['name: test']),
    sections.trim(),
    ...(has('sources') ? [] : ['sources: { in: { every: 1s } }']),
    ...(has('functions') ? [] : ['functions: { f: { code: f.js, from: in } }']),
    '',
  ].join('\n')
}
