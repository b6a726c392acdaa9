/** How a prompt is called: the request to implement a plan by what the plan is about. */

const PLAN = /^\s*(?:please )?(?:implement|execute) (?:the following|this) plan[:.]\s*/i;
/** Headings that stand in every plan. */
const USUAL = /^(context|overview|summary|goals?|background|problem|task):?$/i;

/** "Retry uploads" of "Implement the following plan: # Plan: Retry uploads …", as titles are made (deploy/migrations/schema/05_titles.sql); null if it is no plan. */
export function planOf(prompt: string): string | null {
  const plan = prompt.replace(PLAN, "");
  if (plan === prompt) return null;
  const lines = plan.split("\n").map((line) => line.replace(/^[\s#]+/, "").replace(/^(implementation )?plan\s*([:–—-]\s*|$)/i, "").trim());
  return lines.find((line) => line !== "" && !USUAL.test(line)) ?? null;
}

/** The prompt as it names a turn or a session. */
export function askText(prompt: string): string {
  const plan = planOf(prompt);
  return plan === null ? prompt : `Plan: ${plan}`;
}
