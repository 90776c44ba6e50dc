/* What compilers emit, one check a line. Volatile inputs keep the compiler from computing the answers itself. */
#ifndef CHECKS_H
#define CHECKS_H

void check_arithmetic(void);
void check_comparisons(void);
void check_control_flow(void);
void check_data(void);
void check_digests(void);

#endif
