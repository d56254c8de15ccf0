import { posix } from 'node:path'
import type { Finding } from '../schema/finding.ts'
import { paint } from './paint.ts'

/** Two indented lines for each finding: where and what, then what to write instead. */
export const findingsText = (findings: Finding[], folder = '') =>
  findings
    .map(({ file, line, column, message, hint }) => {
      const place = paint('bold', `${posix.join(folder, file)}:${line}:${column}`)
      return `  ${place} ${message}\n    ${paint('cyan', '→')} ${hint}`
    })
    .join('\n')
