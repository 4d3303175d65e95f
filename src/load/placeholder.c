/* Only keeps the folder a library until its first module lands. */
int load_placeholder(void);
int load_placeholder(void)
{
    return 0;
}
