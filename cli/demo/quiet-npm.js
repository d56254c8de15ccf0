// Plain JavaScript: `npm ci` runs it with whatever Node the machine has, once all is installed.
import { writeFile } from 'node:fs/promises'

const npmrc = `# Made by \`npm ci\`: npm prints no banner of its own, so that \`npm start -- --json\` writes JSON alone to stdout.
# npm hides its own errors too; \`npm ci --loglevel notice\` shows them. Remove this file to hear npm again.
loglevel=silent
`

// A file that is there is somebody's own. Where none can be written, npm's banner is all that is the matter.
await writeFile(new URL('../../.npmrc', import.meta.url), npmrc, { flag: 'wx' }).catch(() => {})
