/** A status of a commit, as somebody has set it. */
export interface SetStatus {
  repository: string
  commit: string
  context: string
  state: string
  description: string | null
  url: string | null
}

/** As GitHub answers it. @param site base URL of the API */
export const shownStatus = (
  { repository, commit, context, state, description, url }: SetStatus,
  id: number,
  site: string,
) => ({
  url: `${site}/repos/${repository}/statuses/${commit}`,
  avatar_url: null,
  id,
  node_id: `status-${id}`,
  state,
  description,
  target_url: url,
  context,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  creator: null,
})
