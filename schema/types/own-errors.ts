import { relative, sep } from 'node:path'
import type { Finding } from '../finding.ts'
import type { Diagnostic } from './compiler.ts'
import { knowsNode, runtime } from './configuration.ts'

const cannotFindModule = new Set([2307, 2792, 7016, 2875, 1192])
const cannotFindNode = new Set([2304, 2503, 2552, 2580, 2591])

/** Type errors inside the user's own files. Leaves out what may be an error only because packages aren't installed
 *  here, and what isn't the user's code. */
export function ownErrors(dir: string, diagnostics: Diagnostic[]): Finding[] {
  const users = diagnostics.filter(({ file }) => file !== undefined && isUsers(dir, file))
  const uncertain = new Set(users.filter(isUnknownPackage).map(({ file }) => file))
  return users
    .filter(diagnostic => {
      if (isUnknownPackage(diagnostic)) return false
      // What a package would have said about a callback is missing: "implicitly has an 'any' type".
      if (uncertain.has(diagnostic.file) && diagnostic.code >= 7000 && diagnostic.code < 7100) return false
      return knowsNode || !cannotFindNode.has(diagnostic.code)
    })
    .map(diagnostic => finding(dir, diagnostic))
}

const isUsers = (dir: string, file: string) =>
  !relative(dir, file).split(sep).includes('node_modules') && !file.startsWith(`${runtime}${sep}`)

/** A path that leads nowhere is an error all the same. */
const isUnknownPackage = ({ code, lines }: Diagnostic) =>
  cannotFindModule.has(code) && !/'\.{0,2}\//.test(lines[0]!)

function finding(dir: string, { file, line, column, code, lines }: Diagnostic): Finding {
  const [message, ...why] = lines
  return {
    file: relative(dir, file!).split(sep).join('/'),
    line,
    column,
    code: 'type-error',
    message: message!,
    hint: why.length > 0 ? why.join(' ') : `TypeScript explains it under TS${code}.`,
  }
}
