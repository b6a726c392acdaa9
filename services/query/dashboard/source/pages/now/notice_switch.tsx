/** Whether this browser notifies its viewer of sessions. It is asked for its permission only when that is switched on. */

import { noticeProblem, wantNotices, wantsNotices } from "../../shell/notices";

export function NoticeSwitch() {
  return (
    <div class="notices">
      <label>
        <input type="checkbox" checked={wantsNotices.value} onChange={({ currentTarget }) => void wantNotices(currentTarget.checked).then(() => (currentTarget.checked = wantsNotices.peek()))} />
        Notify me when a session waits or fails
      </label>
      {noticeProblem.value && <span role="alert">{noticeProblem.value}</span>}
    </div>
  );
}
