import { readdir } from 'node:fs/promises'
import { dirname, extname, join, posix } from 'node:path'
import type { Message } from 'esbuild'
import type { Finding } from '../schema/finding.ts'
import { suggest } from '../schema/suggest.ts'
import { Complaint } from './complaint.ts'
import { withoutInstallation } from './installed.ts'

/** esbuild's errors as findings, in paths relative to root. @param code the entry, for errors without a place */
export async function diagnose(root: string, code: string, errors: Message[]): Promise<Finding[]> {
  return Promise.all(errors.map(error => finding(root, code, error)))
}

async function finding(root: string, code: string, { location, text, detail }: Message): Promise<Finding> {
  const at = {
    file: location ? withoutInstallation(location.file) : code,
    line: location?.line ?? 1,
    column: location ? utf16Length(location.lineText, location.column) + 1 : 1,
  }
  if (detail instanceof Complaint)
    return { ...at, code: detail.code, message: detail.message, hint: detail.hint }
  const specifier = /^Could not resolve "(.*)"$/.exec(text)?.[1]
  if (specifier === undefined) return { ...at, code: 'syntax', message: text, hint: syntaxHint(text) }
  if (!location)
    return {
      ...at,
      code: 'missing-file',
      message: `there is no file ${code}`,
      hint: 'Add the file, or correct `code:` in dataflow.yaml.',
    }
  const close = await similarFile(join(root, dirname(location.file)), specifier)
  return {
    ...at,
    code: 'unresolved-import',
    message: `there is no file '${specifier}'`,
    hint: close
      ? `Did you mean '${close}'?`
      : 'Add the file, or correct the path; it is relative to this file.',
  }
}

function syntaxHint(text: string): string {
  if (text.startsWith('No loader is configured'))
    return 'Import code or JSON; read other files with `fs` at run time, or put their content into a module.'
  if (text.startsWith('No matching export')) return 'Correct the name, or export it from that file.'
  return 'Correct the syntax here; what stands before it may be unfinished.'
}

/** esbuild counts columns in bytes, editors in UTF-16 code units. */
const utf16Length = (line: string, bytes: number) => Buffer.from(line).subarray(0, bytes).toString().length

/** Where a module is named in a file that imports it; from 1. */
export function locate(text: string, specifier: string): { line: number; column: number } {
  const found = ["'", '"', '`']
    .map(quote => text.indexOf(`${quote}${specifier}${quote}`))
    .filter(at => at >= 0)
  const before = text.slice(0, found.length ? Math.min(...found) : 0).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

/** The specifier of the nearest file by name, in the folder that the import points to. */
async function similarFile(folder: string, specifier: string): Promise<string | undefined> {
  const names = await readdir(join(folder, posix.dirname(specifier))).catch(() => [])
  const wanted = posix.basename(specifier)
  const modules = names.filter(name => /\.([cm]?[jt]s|json)$/.test(name))
  const name = modules.find(name => stem(name) === stem(wanted)) ?? suggest(wanted, modules)
  return name && specifier.slice(0, specifier.length - wanted.length) + name
}

const stem = (name: string) => name.slice(0, name.length - extname(name).length)
