import { realpathSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Draft } from './draft.ts'
import type { Finding } from './finding.ts'
import { parseModules } from './parse-modules.ts'
import { outside } from './read-source.ts'
import { below } from './yaml-document.ts'

/** Every function's file is there, parses, and has a default export; `sound` are those of which this is true.
 *  `dir` is absolute, and so is what is sound. */
export async function checkCode(
  dir: string,
  draft: Draft,
): Promise<{ findings: Finding[]; sound: Set<string> }> {
  const findings: Finding[] = []
  const files = new Set<string>()
  const folder = { dir, real: realpathSync.native(dir) }
  for (const { spec, pointer } of draft.functions) {
    if (spec.code === undefined) continue
    const fault = missing(folder, spec.code)
    if (fault) findings.push(draft.at(below(pointer, 'code'), ...fault))
    else files.add(resolve(dir, spec.code))
  }
  findings.push(...(await parseModules(dir, [...files])))
  const unsound = new Set(findings.map(finding => resolve(dir, finding.file)))
  return { findings, sound: new Set([...files].filter(file => !unsound.has(file))) }
}

type Fault = [code: string, message: string, hint: string]

/** Synchronous: for a thousand files, promises take several times as long as the calls. */
function missing(folder: { dir: string; real: string }, code: string): Fault | undefined {
  const path = resolve(folder.dir, code)
  const target = real(path)
  if (outside(folder.dir, path) || (target !== undefined && outside(folder.real, target))) {
    const hint = 'Move the file into the folder of dataflow.yaml. What it imports may stand anywhere.'
    return ['code-outside', `${code} is outside the folder of this dataflow.`, hint]
  }
  if (target === undefined) {
    const hint = 'Write it, with `export default function …`, or correct the path.'
    return ['missing-code', `There is no file ${code}.`, hint]
  }
  if (!statSync(target, { throwIfNoEntry: false })?.isFile()) {
    return ['code-not-a-file', `${code} is not a file.`, 'Name the file with the default export.']
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync.native(path)
  } catch {
    return undefined
  }
}
