// Everything here saves a click or a reload; every page works without it.
import htmx from "htmx.org";
import { board } from "./board.js";
import { copying } from "./copy.js";
import { dialogs } from "./dialogs.js";
import { downloads } from "./downloads.js";
import { filters } from "./filters.js";
import { messages } from "./messages.js";
import { passkeys } from "./passkeys.js";
import { picker } from "./picker.js";
import { presses } from "./presses.js";
import { printing } from "./print.js";
import { theme } from "./theme.js";
import { ticks } from "./ticks.js";

// The content security policy forbids inline styles and evaluated code, so htmx must not try either.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
htmx.config.scrollIntoViewOnBoost = false;

const parts = [theme, dialogs, filters, messages, copying, printing, picker, passkeys, presses, downloads, board, ticks];
for (const install of parts) install(document);
