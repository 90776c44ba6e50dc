/* Serial console and a small printf: %c %s %d %u %x, with l for 64 bits, a width, and 0 for leading zeros. */
#ifndef CONSOLE_H
#define CONSOLE_H

void console_init(void);
void put_character(char character);
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);

#endif
