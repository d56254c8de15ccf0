import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

/** Coloured on a terminal only; NO_COLOR and FORCE_COLOR are respected. */
export const paint = (format: Format, text: string, stream: NodeJS.WriteStream = process.stdout) =>
  styleText(format, text, { stream })
