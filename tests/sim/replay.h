/*
 * replay.h - what a flight recorder has left behind, lived through once more.
 *
 *     paxoskv-sim --replay FILE [--log DIR]
 *
 * The state of the member is put where it stood, its state machine is made
 * again from the log, and the core is given the same events.  Each is told in
 * a line, with its effects; the digests say whether they are the same.
 *
 * The state is a piece of memory: replay only what you would run.
 */
#ifndef PAXOSKV_SIM_REPLAY_H
#define PAXOSKV_SIM_REPLAY_H

/* True if the arguments of the program ask for it. */
int replay_is_wanted(int argc, char **argv);

/*
 * Returns the exit status: 0 it came to the same end, or nothing differs; 1
 * something does; 2 the file, or the log, cannot be used.
 */
int replay_main(int argc, char **argv);

#endif
