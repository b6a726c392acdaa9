/** The words that the dashboard, the terminal and the API's reference share (shared/terms.json). */

import terms from "../../../../../shared/terms.json";

export default terms;
