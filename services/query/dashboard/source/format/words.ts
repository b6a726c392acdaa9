/** The words that the dashboard, the terminal and the API's reference share (shared/words.json). */

import words from "../../../../../shared/words.json";

export default words;
