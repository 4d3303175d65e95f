/* Only keeps the folder a library until its first module lands. */
int stats_placeholder(void);
int stats_placeholder(void)
{
    return 0;
}
