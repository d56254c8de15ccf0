import Table from 'cli-table3'
import { paint } from './paint.ts'

const bare = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
}

interface Column {
  head: string
  align?: 'right'
}

/** Columns without lines; cells may be coloured. */
export function table(columns: Column[], rows: string[][]): string {
  const table = new Table({
    head: columns.map(column => paint('dim', column.head)),
    colAligns: columns.map(column => column.align ?? 'left'),
    chars: bare,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  })
  table.push(...rows)
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}
