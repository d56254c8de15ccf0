import { paint } from '../paint.ts'

/** What to try, as it can be pasted into another terminal. */
export function nextSteps(copy: string): string {
  const command = (text: string, purpose = '') =>
    `  ${paint('bold', text.padEnd(28))}${purpose && paint('dim', `# ${purpose}`)}`
  return [
    'Now change it. In another terminal:',
    '',
    command(`cd ${copy}`),
    command(`sed -i.bak 's/an umbrella/a raincoat/' functions/advise.ts`),
    command(`git commit -am 'Wear a raincoat' && git push`),
    '',
    'That function alone is built and swapped, and no record is lost.',
    'Look around from there:',
    '',
    command('npx dyninka status', 'what runs, and how it does'),
    command('npx dyninka tap advise', 'the records that leave a function'),
    command('npx dyninka logs --follow', 'what functions log'),
    command('npx dyninka graph --live', 'who reads whom'),
    '',
    'Ctrl-C here stops all of it.',
    '',
  ].join('\n')
}
