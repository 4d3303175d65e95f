/* Only keeps the folder a library until its first module lands. */
int net_placeholder(void);
int net_placeholder(void)
{
    return 0;
}
