/** Said where limits are shown, before any is known. */

export function NoLimit() {
  return (
    <>
      No limit is known yet. Run <code>tracker connect --statusline</code>: then the 5-hour and 7-day limits show here.
    </>
  );
}
